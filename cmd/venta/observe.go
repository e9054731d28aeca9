package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/upstream"
)

const meterName = "github.com/venta-hq/venta/cmd/venta"

// observeUpstreams shows the connections to the services behind the gateway.
func observeUpstreams(meters metric.MeterProvider, conns map[string]*upstream.Conn) error {
	meter := meters.Meter(meterName)
	connections, err := meter.Int64ObservableGauge("venta.upstream.connections",
		metric.WithUnit("{connection}"), metric.WithDescription("Connections to each address of a service, by state."))
	inFlight, err2 := meter.Int64ObservableGauge("venta.upstream.in_flight",
		metric.WithUnit("{call}"), metric.WithDescription("Calls in flight to each address of a service."))
	share, err3 := meter.Float64ObservableGauge("venta.upstream.share",
		metric.WithDescription("The share of its traffic that each address of a service has: less than 1 while it starts slowly."))
	if err := errors.Join(err, err2, err3); err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for name, conn := range conns {
			for _, a := range conn.View().Addresses {
				of := attribute.NewSet(attribute.String("venta.upstream.name", name), attribute.String("server.address", a.Address))
				to.ObserveInt64(inFlight, a.InFlight, metric.WithAttributeSet(of))
				to.ObserveFloat64(share, a.Share, metric.WithAttributeSet(of))
				for state, n := range a.Connections {
					to.ObserveInt64(connections, int64(n), metric.WithAttributeSet(of), metric.WithAttributes(attribute.String("venta.connection.state", state.String())))
				}
			}
		}
		return nil
	}, connections, inFlight, share)
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

// observeTrust shows whether stored answers may be served without asking.
func observeTrust(meters metric.MeterProvider, remote *rediscache.Remote) error {
	_, err := meters.Meter(meterName).Int64ObservableGauge("venta.cache.trusted",
		metric.WithDescription("1 while purges of other processes reach this one, so that it serves what it has stored."),
		metric.WithInt64Callback(func(_ context.Context, to metric.Int64Observer) error {
			to.Observe(asNumber(remote.Trusted(time.Now())))
			return nil
		}))
	return err
}

func asNumber(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// upstreamView is what operators see of a service's connections.
type upstreamView struct {
	Target    string        `json:"target"`
	State     string        `json:"state"`
	InFlight  int64         `json:"in_flight"`
	Addresses []addressView `json:"addresses"`
}

type addressView struct {
	Address     string         `json:"address"`
	State       string         `json:"state"`
	Connections map[string]int `json:"connections"`
	InFlight    int64          `json:"in_flight"`
	Share       float64        `json:"share"`
	Ejected     []ejectionView `json:"ejected,omitempty"`
}

type ejectionView struct {
	Method string  `json:"method"`
	State  string  `json:"state"`
	Share  float64 `json:"share"`
	Shadow bool    `json:"shadow,omitempty"`
}

func viewOf(conn *upstream.Conn) upstreamView {
	v := conn.View()
	view := upstreamView{Target: v.Target, State: v.State.String(), InFlight: v.InFlight, Addresses: []addressView{}}
	for _, a := range v.Addresses {
		address := addressView{
			Address: a.Address, State: a.State.String(), Connections: map[string]int{}, InFlight: a.InFlight, Share: a.Share,
		}
		for state, n := range a.Connections {
			address.Connections[state.String()] = n
		}
		for _, e := range a.Ejections {
			address.Ejected = append(address.Ejected, ejectionView{e.Group, e.State.String(), e.Share, e.Shadow})
		}
		view.Addresses = append(view.Addresses, address)
	}
	return view
}

// upstreamsHandler tells operators how the addresses of each service are.
func upstreamsHandler(conns map[string]*upstream.Conn) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		views := make(map[string]upstreamView, len(conns))
		for name, conn := range conns {
			views[name] = viewOf(conn)
		}
		w.Header().Set("Content-Type", "application/json")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(views); err != nil {
			slog.Debug("an operator left before the upstreams were written", "error", err)
		}
	})
}
