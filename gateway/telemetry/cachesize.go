package telemetry

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/metric"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

// cacheSize is what the store of responses holds, asked whenever metrics are read.
type cacheSize struct {
	stats atomic.Pointer[func() (entries, bytes int64)]
}

// ObserveCache shows how many entries, and how many bytes, the store of responses
// holds.
func (m *Metrics) ObserveCache(stats func() (entries, bytes int64)) {
	if m != nil {
		m.cacheSize.stats.Store(&stats)
	}
}

func (c *cacheSize) register(meter metric.Meter) error {
	to := instrument.Maker{Meter: meter}
	entries, bytes := to.Gauge(instrument.CacheEntries), to.Gauge(instrument.CacheSize)
	if err := to.Err(); err != nil {
		return err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		if stats := c.stats.Load(); stats != nil {
			n, size := (*stats)()
			to.ObserveInt64(entries, n)
			to.ObserveInt64(bytes, size)
		}
		return nil
	}, entries, bytes)
	return err
}
