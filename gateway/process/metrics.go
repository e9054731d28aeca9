package process

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin/overrides"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/upstream"
)

const meterName = "github.com/venta-hq/venta/gateway/process"

// observeUpstreams shows the connections to the services behind the gateway.
func observeUpstreams(meters metric.MeterProvider, conns connections) error {
	meter := meters.Meter(meterName)
	connections, err := meter.Int64ObservableGauge("venta.upstream.connections",
		metric.WithUnit("{connection}"), metric.WithDescription("Connections to each address of a service, by state."))
	inFlight, err2 := meter.Int64ObservableGauge("venta.upstream.in_flight",
		metric.WithUnit("{call}"), metric.WithDescription("Calls in flight to each address of a service."))
	share, err3 := meter.Float64ObservableGauge("venta.upstream.share",
		metric.WithDescription("The share of its traffic that each address of a service has: less than 1 while it starts slowly."))
	ejections, err4 := meter.Int64ObservableGauge("venta.circuit_breaker.endpoints",
		metric.WithUnit("{address}"), metric.WithDescription("Addresses of a service that a circuit breaker of theirs leaves out, by its state."))
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for name, conn := range conns {
			view := conn.View()
			for e, n := range ejectionsOf(view) {
				to.ObserveInt64(ejections, n, metric.WithAttributes(
					attribute.String("venta.circuit_breaker.name", e.breaker), attribute.String("venta.circuit_breaker.state", e.state)))
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
	}, connections, inFlight, share, ejections)
	return err
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
	_, err := meters.Meter(meterName).Int64ObservableGauge("venta.overrides",
		metric.WithUnit("{override}"), metric.WithDescription("Overrides that are in force, by where they are kept: in the file, or in the memory of this gateway."),
		metric.WithInt64Callback(func(_ context.Context, to metric.Int64Observer) error {
			all := gw.Overrides()
			ofFile := countOfFile(all)
			to.Observe(int64(ofFile), metric.WithAttributes(attribute.String("venta.override.source", "file")))
			to.Observe(int64(len(all)-ofFile), metric.WithAttributes(attribute.String("venta.override.source", overrides.Memory)))
			return nil
		}))
	return err
}

// observeDependencies shows how what the process depends on is.
func observeDependencies(meters metric.MeterProvider, h *health.Health) error {
	_, err := meters.Meter(meterName).Int64ObservableGauge("venta.dependency.healthy",
		metric.WithDescription("1 while a dependency serves, be it with a part of it down, and 0 while it does not."),
		metric.WithInt64Callback(func(_ context.Context, to metric.Int64Observer) error {
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
		}))
	return err
}

// observeRedis shows what stands between the gateway and Redis.
func observeRedis(meters metric.MeterProvider, client *redis.Client) error {
	meter := meters.Meter(meterName)
	calls, err := meter.Int64ObservableCounter("venta.redis.calls",
		metric.WithUnit("{call}"), metric.WithDescription("Calls to Redis, by what became of them."))
	available, err2 := meter.Int64ObservableGauge("venta.redis.available",
		metric.WithDescription("1 while some node of Redis is connected and not given up."))
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	result := func(text string) metric.MeasurementOption {
		return metric.WithAttributes(attribute.String("result", text))
	}
	_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		s := client.Stats()
		to.ObserveInt64(calls, s.Calls-s.Failures, result("answered"))
		to.ObserveInt64(calls, s.Failures, result("failed"))
		to.ObserveInt64(calls, s.Rejected, result("rejected"))
		to.ObserveInt64(available, asNumber(client.Available()))
		return nil
	}, calls, available)
	return err
}

// observeTrust shows whether stored responses may be served.
func observeTrust(meters metric.MeterProvider, remote *rediscache.Remote) error {
	_, err := meters.Meter(meterName).Int64ObservableGauge("venta.cache.trusted",
		metric.WithDescription("1 while purges of other processes reach this one, so that it serves what it has stored."),
		metric.WithInt64Callback(func(_ context.Context, to metric.Int64Observer) error {
			to.Observe(asNumber(remote.Trusted(time.Now())))
			return nil
		}))
	return err
}

// observeListeners shows what clients hold of each address.
func observeListeners(meters metric.MeterProvider, servers map[string]*webServer) error {
	meter := meters.Meter(meterName)
	open, err := meter.Int64ObservableGauge("venta.listener.connections",
		metric.WithUnit("{connection}"), metric.WithDescription("Connections of clients, by listener."))
	refused, err2 := meter.Int64ObservableCounter("venta.listener.refused",
		metric.WithUnit("{connection}"), metric.WithDescription("Connections that were one too many: of their address, or in all."))
	unsent, err3 := meter.Int64ObservableGauge("venta.listener.unsent",
		metric.WithUnit("By"), metric.WithDescription("Bytes of responses that wait for their clients."))
	cut, err4 := meter.Int64ObservableCounter("venta.listener.cut",
		metric.WithUnit("{response}"), metric.WithDescription("Responses that were cut off: their clients took them too slowly, or others needed the room."))
	unread, err5 := meter.Int64ObservableCounter("venta.listener.unread",
		metric.WithUnit("{request}"), metric.WithDescription("Requests that the server refused before any step of the gateway saw them, by reason."))
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for name, server := range servers {
			of, s := attribute.String("venta.listener", name), server.guard.Stats()
			because := func(reason string) metric.MeasurementOption {
				return metric.WithAttributes(of, attribute.String("reason", reason))
			}
			to.ObserveInt64(open, s.Connections, metric.WithAttributes(of))
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
	}, open, refused, unsent, cut, unread)
	return err
}

func asNumber(is bool) int64 {
	if is {
		return 1
	}
	return 0
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

// countReloads counts reloads by what became of them, and tells whether the
// configuration as it is written is in force.
func countReloads(meters metric.MeterProvider) (func(config.Reload), error) {
	meter := meters.Meter(meterName)
	reloads, err := meter.Int64Counter("venta.config.reloads",
		metric.WithDescription("Configurations loaded while the process runs, by result: applied, unchanged or refused."))
	if err != nil {
		return nil, err
	}
	current, err := meter.Int64Gauge("venta.config.current",
		metric.WithDescription("1 while the configuration in force is the one that is written, 0 after a refused one."))
	if err != nil {
		return nil, err
	}
	pending, err := meter.Int64Gauge("venta.config.restart_pending",
		metric.WithUnit("{field}"), metric.WithDescription("Fields that are written otherwise than the process started with, and that need a restart."))
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	current.Record(ctx, 1)
	pending.Record(ctx, 0)
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
			pending.Record(ctx, int64(len(r.Pending)))
		}
	}, nil
}
