package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/redis"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// openRedis connects to the store that gateways share, or returns nil where none
// is configured. Wrong credentials stop the start; a server that is away does
// not, and is found later.
func (a *app) openRedis(ctx context.Context, loaded *config.Loaded) (*redis.Client, error) {
	options, ok, err := redisOptions(loaded)
	if err != nil || !ok {
		return nil, err
	}
	options.OnChange = func(c redis.Change) {
		if c.Available {
			slog.Info("redis is back", "node", c.Node)
			return
		}
		slog.Warn("redis is given up for now", "node", c.Node, "error", c.Err)
	}
	client, err := redis.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, closing(client.Close))
	return client, observeRedis(a.telemetry.MeterProvider, client)
}

// openRemoteCache makes Redis the second level of stored answers.
func (a *app) openRemoteCache(cfg *configv1.Cache, client *redis.Client) (*rediscache.Remote, error) {
	events, err := countFleetEvents(a.telemetry.MeterProvider)
	if err != nil {
		return nil, err
	}
	remote, err := rediscache.New(rediscache.Options{
		Client:     client,
		Bound:      cfg.GetMaxStaleness().AsDuration(),
		AckTimeout: cfg.GetPurgeWait().AsDuration(),
		OnEvent:    events,
		Logger:     slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, closing(remote.Close))
	return remote, observeTrust(a.telemetry.MeterProvider, remote)
}

// countFleetEvents counts what happens between the caches of a fleet.
func countFleetEvents(meters metric.MeterProvider) (func(cache.Event), error) {
	counter, err := meters.Meter(meterName).Int64Counter("venta.cache.fleet_events",
		metric.WithDescription("What happened between this process's cache, the shared one and those of other processes."))
	if err != nil {
		return nil, err
	}
	return func(e cache.Event) {
		counter.Add(context.Background(), 1, metric.WithAttributes(attribute.String("venta.event", string(e))))
	}, nil
}

// closing is an io.Closer of what cannot fail to close.
type closing func()

// Close implements io.Closer.
func (c closing) Close() error {
	c()
	return nil
}

// redisOptions returns where Redis is; ok is false where none is configured.
func redisOptions(loaded *config.Loaded) (options redis.Options, ok bool, err error) {
	cfg := loaded.Config.GetRedis()
	if len(cfg.GetAddresses()) == 0 {
		return redis.Options{}, false, nil
	}
	secured, err := clientTLS(cfg.GetTls())
	if err != nil {
		return redis.Options{}, false, loaded.Fault("redis.tls", err.Error())
	}
	return redis.Options{
		Addresses:        cfg.GetAddresses(),
		Sentinel:         cfg.GetMasterName(), // empty but in mode sentinel
		Cluster:          cfg.GetMode() == configv1.Redis_MODE_CLUSTER,
		Username:         cfg.GetUsername(),
		Password:         loaded.RedisPassword().Reveal(),
		SentinelUsername: cfg.GetSentinelUsername(),
		SentinelPassword: loaded.SentinelPassword().Reveal(),
		TLS:              secured,
		DB:               int(cfg.GetDb()),
		KeyPrefix:        cfg.GetKeyPrefix(),
		Timeout:          cfg.GetTimeout().AsDuration(),
		DialTimeout:      cfg.GetDialTimeout().AsDuration(),
	}, true, nil
}

func clientTLS(files *configv1.Tls) (*tls.Config, error) {
	if files == nil || files.GetDisabled() {
		return nil, nil
	}
	secured := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: files.GetServerName()}
	if path := files.GetCaFile(); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		secured.RootCAs = x509.NewCertPool()
		if !secured.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", path)
		}
	}
	if files.GetCertFile() != "" {
		pair, err := tls.LoadX509KeyPair(files.GetCertFile(), files.GetKeyFile())
		if err != nil {
			return nil, err
		}
		secured.Certificates = []tls.Certificate{pair}
	}
	return secured, nil
}
