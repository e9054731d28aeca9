package eventlog

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// lookTime bounds how long reading the metrics waits for the database.
const lookTime = time.Second

type meters struct {
	published    metric.Int64Counter
	registration metric.Registration
}

// observe shows what waits in the outbox. While the database does not respond it shows
// nothing.
func observe(of metric.MeterProvider, outbox Outbox) (*meters, error) {
	if of == nil {
		of = noop.NewMeterProvider()
	}
	meter := of.Meter(scope)
	published, err := meter.Int64Counter("venta.outbox.published", metric.WithUnit("{event}"),
		metric.WithDescription("Events that were to be published, by what became of them."))
	if err != nil {
		return nil, err
	}
	waiting, err := meter.Int64ObservableGauge("venta.outbox.events", metric.WithUnit("{event}"),
		metric.WithDescription("Events that wait to be published, of all processes of the database; at most 100,000 are counted."))
	if err != nil {
		return nil, err
	}
	age, err := meter.Float64ObservableGauge("venta.outbox.age", metric.WithUnit("s"),
		metric.WithDescription("How long the oldest event has waited to be published; 0 where there is none."))
	if err != nil {
		return nil, err
	}
	registration, err := meter.RegisterCallback(func(ctx context.Context, to metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		now, err := outbox.Waiting(ctx)
		if err != nil {
			return nil // the pool's metrics and health tell
		}
		to.ObserveInt64(waiting, int64(now.Messages))
		var oldest float64
		if !now.Since.IsZero() {
			oldest = max(0, time.Since(now.Since).Seconds())
		}
		to.ObserveFloat64(age, oldest)
		return nil
	}, waiting, age)
	return &meters{published, registration}, err
}

func (m *meters) count(published, failed int) {
	count := func(n int, result string) {
		if n > 0 {
			m.published.Add(context.Background(), int64(n), metric.WithAttributes(attribute.String("result", result)))
		}
	}
	count(published, "published")
	count(failed, "failed")
}

// close stops looking into a database that is to be closed.
func (m *meters) close() error { return m.registration.Unregister() }
