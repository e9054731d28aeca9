package process

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin/overrides"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/internal/instrument"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/upstream"
)

const meterName = "github.com/venta-hq/venta/gateway/process"

// instruments makes instruments of the process.
func (p *process) instruments() instrument.Maker {
	return instrument.Maker{Meter: p.telemetry.MeterProvider.Meter(meterName)}
}

// observeUpstreams shows the connections to the services behind the gateway.
func observeUpstreams(meters metric.MeterProvider, conns connections) error {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	connections, inFlight := making.Gauge(instrument.UpstreamConnections), making.Gauge(instrument.UpstreamInFlight)
	share, ejections := making.FloatGauge(instrument.UpstreamShare), making.Gauge(instrument.BreakerEndpoints)
	io := making.Counter(instrument.UpstreamIO)
	return making.Together(func(_ context.Context, to metric.Observer) error {
		for name, conn := range conns {
			view := conn.View()
			for e, n := range ejectionsOf(view) {
				to.ObserveInt64(ejections, n, metric.WithAttributes(
					attribute.String("venta.circuit_breaker.name", e.breaker), attribute.String("venta.circuit_breaker.state", e.state)))
			}
			moved := func(direction string) metric.MeasurementOption {
				return metric.WithAttributes(attribute.String("venta.upstream.name", name), attribute.String("network.io.direction", direction))
			}
			if view.SentBytes > 0 { // what brings credentials of its own, as xds does, counts nothing
				to.ObserveInt64(io, view.ReceivedBytes, moved("receive"))
				to.ObserveInt64(io, view.SentBytes, moved("transmit"))
			}
			for _, a := range view.Addresses {
				of := attribute.NewSet(attribute.String("venta.upstream.name", name), attribute.String("server.address", a.Address))
				to.ObserveInt64(inFlight, a.InFlight, metric.WithAttributeSet(of))
				to.ObserveFloat64(share, a.Share, metric.WithAttributeSet(of))
				for state, n := range a.Connections {
					to.ObserveInt64(connections, int64(n), metric.WithAttributeSet(of), metric.WithAttributes(attribute.String("venta.connection.state", state.String())))
				}
			}
		}
		return nil
	}, connections, inFlight, share, ejections, io)
}

// ejected is what addresses are counted by.
type ejected struct{ breaker, state string }

// ejectionsOf counts the addresses that breakers leave out or let probes to, by RPC. One in
// shadow leaves nothing out.
func ejectionsOf(view upstream.View) map[ejected]int64 {
	counts := map[ejected]int64{}
	for _, a := range view.Addresses {
		for _, e := range a.Ejections {
			if !e.Shadow && e.State != upstream.Closed {
				counts[ejected{e.Group, e.State.String()}]++
			}
		}
	}
	return counts
}

// observeOverrides shows how many overrides are in force, and which of them no file has.
func observeOverrides(meters metric.MeterProvider, gw *gateway.Gateway) error {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	making.Gauge(instrument.Overrides, func(_ context.Context, to metric.Int64Observer) error {
		all := gw.Overrides()
		ofFile := countOfFile(all)
		to.Observe(int64(ofFile), metric.WithAttributes(attribute.String("venta.override.source", "file")))
		to.Observe(int64(len(all)-ofFile), metric.WithAttributes(attribute.String("venta.override.source", overrides.Memory)))
		return nil
	})
	return making.Err()
}

// observeDependencies shows how what the process depends on is.
func observeDependencies(meters metric.MeterProvider, h *health.Health) error {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	making.Gauge(instrument.DependencyHealthy, func(_ context.Context, to metric.Int64Observer) error {
		for _, s := range h.States() {
			if s.Status == health.StatusUnknown {
				continue
			}
			to.Observe(asNumber(s.Status != health.StatusUnavailable), metric.WithAttributes(
				attribute.String("venta.dependency.name", s.Name),
				attribute.String("venta.dependency.kind", string(s.Kind)),
				attribute.String("venta.dependency.criticality", s.Criticality())))
		}
		return nil
	})
	return making.Err()
}

// observeRedis shows what stands between the gateway and Redis.
func observeRedis(meters metric.MeterProvider, client *redis.Client) error {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	calls, available := making.Counter(instrument.RedisCalls), making.Gauge(instrument.RedisAvailable)
	connections, inFlight := making.Gauge(instrument.RedisConnections), making.Gauge(instrument.RedisInFlight)
	result := func(text string) metric.MeasurementOption {
		return metric.WithAttributes(attribute.String("result", text))
	}
	return making.Together(func(_ context.Context, to metric.Observer) error {
		s := client.Stats()
		to.ObserveInt64(calls, s.Calls-s.Failures, result("answered"))
		to.ObserveInt64(calls, s.Failures, result("failed"))
		to.ObserveInt64(calls, s.Rejected, result("rejected"))
		to.ObserveInt64(available, asNumber(client.Available()))
		to.ObserveInt64(connections, s.Connections)
		to.ObserveInt64(inFlight, s.InFlight)
		return nil
	}, calls, available, connections, inFlight)
}

// observeTrust shows whether stored responses may be served.
func observeTrust(meters metric.MeterProvider, remote *rediscache.Remote) error {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	making.Gauge(instrument.CacheTrusted, func(_ context.Context, to metric.Int64Observer) error {
		to.Observe(asNumber(remote.Trusted(time.Now())))
		return nil
	})
	return making.Err()
}

// observeListeners shows what clients hold of each address.
func observeListeners(meters metric.MeterProvider, servers map[string]*webServer) error {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	open, accepted, refused := making.Gauge(instrument.ListenerConnections), making.Counter(instrument.ListenerAccepted), making.Counter(instrument.ListenerRefused)
	unsent, cut, unread := making.Gauge(instrument.ListenerUnsent), making.Counter(instrument.ListenerCut), making.Counter(instrument.ListenerUnread)
	io := making.Counter(instrument.ListenerIO)
	return making.Together(func(_ context.Context, to metric.Observer) error {
		for name, server := range servers {
			of, s := attribute.String("venta.listener", name), server.guard.Stats()
			because := func(reason string) metric.MeasurementOption {
				return metric.WithAttributes(of, attribute.String("reason", reason))
			}
			to.ObserveInt64(open, s.Connections, metric.WithAttributes(of))
			to.ObserveInt64(accepted, s.Accepted, metric.WithAttributes(of))
			moved := func(direction string) metric.MeasurementOption {
				return metric.WithAttributes(of, attribute.String("network.io.direction", direction))
			}
			to.ObserveInt64(io, s.ReceivedBytes, moved("receive"))
			to.ObserveInt64(io, s.SentBytes, moved("transmit"))
			to.ObserveInt64(unsent, s.UnsentBytes, metric.WithAttributes(of))
			to.ObserveInt64(refused, s.RefusedByAddress, because("address"))
			to.ObserveInt64(refused, s.RefusedInAll, because("all"))
			to.ObserveInt64(cut, s.CutSlow, because("slow"))
			to.ObserveInt64(cut, s.CutUnsent, because("room"))
			to.ObserveInt64(unread, s.Malformed, because("malformed"))
			to.ObserveInt64(unread, s.TooLarge, because("too_large"))
			to.ObserveInt64(unread, s.TimedOut, because("timeout"))
			to.ObserveInt64(unread, s.Handshakes, because("tls"))
			to.ObserveInt64(unread, s.HTTP2Errors, because("http2"))
		}
		return nil
	}, open, accepted, refused, io, unsent, cut, unread)
}

func asNumber(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// countFleetEvents counts what happens between the caches of a fleet.
func countFleetEvents(meters metric.MeterProvider) (func(cache.Event), error) {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	counter := making.ToldCounter(instrument.CacheFleetEvents)
	if err := making.Err(); err != nil {
		return nil, err
	}
	return func(e cache.Event) {
		counter.Add(context.Background(), 1, metric.WithAttributes(attribute.String("venta.event", string(e))))
	}, nil
}

// countReloads counts reloads by what became of them, and tells whether the
// configuration as it is written is in force.
func countReloads(meters metric.MeterProvider) (func(config.Reload), error) {
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	reloads, current := making.ToldCounter(instrument.ConfigReloads), making.ToldGauge(instrument.ConfigCurrent)
	pending, loaded := making.ToldGauge(instrument.ConfigPending), making.ToldGauge(instrument.ConfigLoaded)
	if err := making.Err(); err != nil {
		return nil, err
	}
	ctx := context.Background()
	current.Record(ctx, 1)
	pending.Record(ctx, 0)
	loaded.Record(ctx, time.Now().Unix())
	return func(r config.Reload) {
		result, inForce := "unchanged", int64(1)
		switch {
		case r.Err != nil:
			result, inForce = "refused", 0
		case len(r.Changed) > 0:
			result = "applied"
		}
		reloads.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
		current.Record(ctx, inForce)
		if r.Err == nil {
			loaded.Record(ctx, time.Now().Unix())
			pending.Record(ctx, int64(len(r.Pending)))
		}
	}, nil
}
