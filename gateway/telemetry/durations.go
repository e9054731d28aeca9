package telemetry

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/venta-hq/venta/gateway/internal/instrument"
	"github.com/venta-hq/venta/gateway/policy"
)

// durations are the histograms of how long things take. They are made when the
// first duration is recorded, as their buckets cannot change after that and the
// objectives of RPCs say what they are.
type durations struct {
	meter metric.Meter
	made  atomic.Pointer[histograms]

	mu     sync.Mutex // held while they are made, and guards bounds
	bounds []time.Duration
}

type histograms struct {
	request, upstream metric.Float64Histogram
}

// errMeasured tells that buckets were asked for too late.
var errMeasured = errors.New("requests were measured before its bucket was known: register all services before the first request")

// SetLatencyBounds sets the upper bounds of the buckets of http.server.request.duration
// and venta.upstream.duration, such as [policy.LatencyBounds] gives them. They
// cannot change once something was measured: the error tells of a bound that came
// too late. Default: those of no objective.
func (m *Metrics) SetLatencyBounds(bounds []time.Duration) error {
	if m == nil {
		return nil
	}
	d := &m.durations
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.made.Load() == nil {
		d.bounds = slices.Clone(bounds)
		return nil
	}
	for _, bound := range bounds {
		if !slices.Contains(d.bounds, bound) {
			return fmt.Errorf("%v: %w", bound, errMeasured)
		}
	}
	return nil
}

// get returns the histograms.
func (d *durations) get() *histograms {
	if made := d.made.Load(); made != nil {
		return made
	}
	return d.make()
}

func (d *durations) make() *histograms {
	d.mu.Lock()
	defer d.mu.Unlock()
	if made := d.made.Load(); made != nil {
		return made
	}
	to, bounds := instrument.Maker{Meter: d.meter}, seconds(d.bounds)
	made := &histograms{
		request:  to.Histogram(instrument.RequestDuration, bounds...),
		upstream: to.Histogram(instrument.UpstreamDuration, bounds...),
	}
	if err := to.Err(); err != nil { // never, with a provider that has made all other instruments
		otel.Handle(fmt.Errorf("telemetry: %w", err))
		made = &histograms{noop.Float64Histogram{}, noop.Float64Histogram{}}
	}
	d.made.Store(made)
	return made
}

func seconds(bounds []time.Duration) []float64 {
	all := make([]float64, len(bounds))
	for i, bound := range bounds {
		all[i] = bound.Seconds()
	}
	return all
}

// defaultBounds are those of no objective, which are never too many.
func defaultBounds() []time.Duration {
	bounds, _ := policy.LatencyBounds()
	return bounds
}
