package telemetry

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"
)

// limitMemory is what rate limits remember, asked whenever metrics are read.
type limitMemory struct {
	stats atomic.Pointer[func() (bytes, displaced int64)]
}

// ObserveRateLimitMemory shows how many bytes rate limits remember, and how many keys
// were forgotten for others though they owed something.
func (m *Metrics) ObserveRateLimitMemory(stats func() (bytes, displaced int64)) {
	if m != nil {
		m.limitMemory.stats.Store(&stats)
	}
}

func (l *limitMemory) bytes(_ context.Context, to metric.Int64Observer) error {
	if stats := l.stats.Load(); stats != nil {
		bytes, _ := (*stats)()
		to.Observe(bytes)
	}
	return nil
}

func (l *limitMemory) displaced(_ context.Context, to metric.Int64Observer) error {
	if stats := l.stats.Load(); stats != nil {
		_, displaced := (*stats)()
		to.Observe(displaced)
	}
	return nil
}
