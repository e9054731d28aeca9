package process

import (
	"context"
	"errors"
	"maps"
	"slices"

	"google.golang.org/grpc/connectivity"

	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/upstream"
)

// redisName is what health calls Redis.
const redisName = "redis"

// signals wake whoever watches a dependency, by its name. They are made before what
// they tell of, and there is room for one.
type signals map[string]chan struct{}

// of returns the signal of a name.
func (s signals) of(name string) chan struct{} {
	if s[name] == nil {
		s[name] = make(chan struct{}, 1)
	}
	return s[name]
}

// onChange returns what tells of the changes of an upstream's addresses.
func (s signals) onChange(name string) func(upstream.Change) {
	changed := s.of(name)
	return func(upstream.Change) { give(changed) }
}

func give(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default: // it is told already
	}
}

// addHealth watches what the process depends on, from the time that it serves.
func (p *process) addHealth(conns connections) error {
	cfg := p.loaded.Config.GetHealth()
	var err error
	p.health, err = health.New(health.Options{
		Dependencies:  p.dependsOn(conns),
		CriticalAfter: cfg.GetCriticalAfter().AsDuration(),
		Version:       p.program.version(),
		Logger:        p.logs.Logger,
	})
	if err != nil {
		return err
	}
	return observeDependencies(p.telemetry.MeterProvider, p.health)
}

// dependsOn returns the upstreams, Redis, the log of events and what local services depend on.
func (p *process) dependsOn(conns connections) []health.Dependency {
	critical := p.loaded.Config.GetHealth().GetCritical()
	var all []health.Dependency
	for _, name := range slices.Sorted(maps.Keys(conns)) {
		all = append(all, health.Dependency{
			Name: name, Kind: health.KindUpstream, Critical: slices.Contains(critical, name),
			Check: p.upstreamCheck(name, conns[name]), Changed: p.changes.of(name), Endpoints: endpointsOf(conns[name]),
		})
	}
	if p.redis != nil {
		all = append(all, health.Dependency{
			Name: redisName, Kind: health.KindRedis, Critical: slices.Contains(critical, redisName),
			Check: redisCheck(p.redis), Changed: p.redisChanged,
		})
	}
	if p.eventsConn != nil {
		all = append(all, p.eventsDependency(slices.Contains(critical, eventsName)))
	}
	return append(all, p.dependencies...)
}

// upstreamCheck asks an upstream as its configuration says.
func (p *process) upstreamCheck(name string, conn *upstream.Conn) health.Check {
	check := p.loaded.Upstream(name).GetConnection().GetHealthCheck()
	switch {
	case p.isLocal(name):
		return health.Serving(conn, "")
	case p.leavesIdle(name):
		return health.NotFailing(conn)
	case check.GetDisabled():
		return health.Connected(conn)
	}
	return health.Serving(conn, check.GetService())
}

// leavesIdle tells whether an upstream without calls is left alone: where that is
// written, or a time after which its connections are to end.
func (p *process) leavesIdle(name string) bool {
	return p.loaded.Config.GetHealth().GetLeaveIdle() || p.loaded.Written("upstreams."+name+".connection.idle_timeout")
}

func (p *process) isLocal(name string) bool {
	return slices.ContainsFunc(p.local, func(s localService) bool { return s.name == name })
}

// endpointsOf returns an upstream's addresses. One that is being connected is not
// down yet.
func endpointsOf(conn *upstream.Conn) func() []health.Endpoint {
	return func() []health.Endpoint {
		var all []health.Endpoint
		for _, a := range conn.View().Addresses {
			all = append(all, health.Endpoint{Address: a.Address, Up: a.State != connectivity.TransientFailure})
		}
		return all
	}
}

var errNoRedis = errors.New("no node is connected, or each has been given up")

// redisCheck tells what the client knows, without a call.
func redisCheck(client *redis.Client) health.Check {
	return func(context.Context) error {
		if client.Available() {
			return nil
		}
		return errNoRedis
	}
}
