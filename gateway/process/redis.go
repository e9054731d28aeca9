package process

import (
	"context"
	"net"
	"os"

	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/redis"
)

// openRedis connects to the store that gateways share. Wrong credentials stop
// the start; a server that is away does not, and is found later.
func (p *process) openRedis(ctx context.Context, o redis.Options) (*redis.Client, error) {
	log := p.logs.Logger
	changed := p.redisChanged
	o.OnChange = func(c redis.Change) {
		give(changed)
		if c.Available {
			log.Info("redis is back", "node", c.Node)
			return
		}
		log.Warn("redis is given up for now", "node", c.Node, "error", c.Err)
	}
	client, err := redis.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	p.redis = client
	p.closers = append(p.closers, closing(func() error { client.Close(); return nil }))
	return client, observeRedis(p.telemetry.MeterProvider, client)
}

// openRemoteCache makes Redis level 2 of stored responses.
func (p *process) openRemoteCache(client *redis.Client) (*rediscache.Remote, error) {
	events, err := countFleetEvents(p.telemetry.MeterProvider)
	if err != nil {
		return nil, err
	}
	cfg := p.loaded.Config.GetCache()
	remote, err := rediscache.New(rediscache.Options{
		Client:      client,
		Name:        memberName(p.loaded.Config.GetHttp()),
		Bound:       cfg.GetMaxStaleness().AsDuration(),
		ForgetAfter: cfg.GetForgetAfter().AsDuration(),
		AckTimeout:  cfg.GetPurgeWait().AsDuration(),
		OnEvent:     events,
		Logger:      p.logs.Logger,
	})
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, closing(func() error { remote.Close(); return nil }))
	return remote, observeTrust(p.telemetry.MeterProvider, remote)
}

// memberName returns what stays of a process through a restart: where it serves,
// which no two processes do. "" where that is any port.
func memberName(address string) string {
	host, err := os.Hostname()
	if _, port, bad := net.SplitHostPort(address); err != nil || bad != nil || port == "0" {
		return ""
	}
	return host + " " + address
}
