package telemetry

import (
	"context"
	"maps"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

const limiterKey = attribute.Key("venta.concurrency.name")

// ConcurrencyLoad is what a limiter of concurrency holds at one moment.
type ConcurrencyLoad struct{ Limit, InFlight, Queued int }

// limiters are the limiters whose load is shown.
type limiters struct {
	mu    sync.Mutex
	loads map[string]func() ConcurrencyLoad // by name
}

// ObserveConcurrency shows the load of a limiter, which is asked whenever metrics are
// read, concurrently with others. A later limiter of the same name takes the earlier
// one's place.
func (m *Metrics) ObserveConcurrency(name string, load func() ConcurrencyLoad) {
	if m == nil {
		return
	}
	m.limiters.mu.Lock()
	defer m.limiters.mu.Unlock()
	if m.limiters.loads == nil {
		m.limiters.loads = map[string]func() ConcurrencyLoad{}
	}
	m.limiters.loads[name] = load
}

// ForgetConcurrency ends that a limiter is shown. One that is not shown is no fault.
func (m *Metrics) ForgetConcurrency(name string) {
	if m == nil {
		return
	}
	m.limiters.mu.Lock()
	defer m.limiters.mu.Unlock()
	delete(m.limiters.loads, name)
}

func (l *limiters) register(meter metric.Meter) error {
	to := instrument.Maker{Meter: meter}
	inFlight, limit, queued := to.Gauge(instrument.ConcurrencyInFlight), to.Gauge(instrument.ConcurrencyLimit), to.Gauge(instrument.ConcurrencyQueued)
	if err := to.Err(); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		l.mu.Lock()
		loads := maps.Clone(l.loads)
		l.mu.Unlock()
		for name, load := range loads { // no limiter is called under the lock
			now, of := load(), metric.WithAttributes(limiterKey.String(name))
			to.ObserveInt64(inFlight, int64(now.InFlight), of)
			to.ObserveInt64(limit, int64(now.Limit), of)
			to.ObserveInt64(queued, int64(now.Queued), of)
		}
		return nil
	}, inFlight, limit, queued)
	return err
}
