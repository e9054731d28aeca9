// Package instrument lists the gateway's metrics: their names, units, attributes and
// what they mean. Who measures makes its instruments of this list, and of nothing else;
// docs/metrics.md is written from it. So a name that somebody's alert is built on
// cannot change unseen.
package instrument

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// Kind is a metric's type, as Prometheus has it.
type Kind string

// The kinds. What the semantic conventions call an UpDownCounter is a gauge to
// Prometheus.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Metric is one of the list.
type Metric struct {
	Name   string // in code, such as "venta.cache.requests"
	Kind   Kind
	Unit   string // as OpenTelemetry writes units; "": a plain number
	Help   string // one sentence, which Prometheus shows
	More   string // what docs/metrics.md says beside it
	Labels []Label
}

// Label is an attribute of a metric's series.
type Label struct {
	Key string
	// Values are all that it has; nil: they depend on the API and the
	// configuration, and never on a client.
	Values []string
	// Below says that docs/metrics.md explains the values below the table.
	Below bool
}

// of returns a label whose values depend on the API and the configuration.
func of(key string) Label { return Label{Key: key} }

// either returns a label with a closed set of values.
func either(key string, values ...string) Label { return Label{Key: key, Values: values} }

// below returns a label with a closed set of values that are explained in prose.
func below(key string, values ...string) Label { return Label{key, values, true} }

// Section is a table of docs/metrics.md.
type Section struct {
	Name    string
	Metrics []Metric
}

// All returns the list, in the order of docs/metrics.md.
func All() []Section {
	return []Section{
		{"requests", requests}, {"policies", policies}, {"upstreams", upstreams}, {"clients", clients}, {"streams", streams},
		{"redis", shared}, {"events", events}, {"process", process},
	}
}

// Maker makes instruments of a meter, and keeps what went wrong. What it makes is
// observed when metrics are read: by a callback of its own, or by one that is registered
// for several. ToldCounter, ToldGauge and Histogram make those that are told of each event.
type Maker struct {
	Meter metric.Meter
	errs  []error
}

// Err returns everything that went wrong.
func (m *Maker) Err() error { return errors.Join(m.errs...) }

// made keeps an error and returns the instrument.
func made[T any](m *Maker, instrument T, err error) T {
	m.errs = append(m.errs, err)
	return instrument
}

// Counter makes a counter.
func (m *Maker) Counter(of Metric, read ...metric.Int64Callback) metric.Int64ObservableCounter {
	options := []metric.Int64ObservableCounterOption{metric.WithUnit(of.Unit), metric.WithDescription(of.Help)}
	for _, f := range read {
		options = append(options, metric.WithInt64Callback(f))
	}
	counter, err := m.Meter.Int64ObservableCounter(of.Name, options...)
	return made(m, counter, err)
}

// UpDownCounter makes what the semantic conventions count up and down.
func (m *Maker) UpDownCounter(of Metric, read ...metric.Int64Callback) metric.Int64ObservableUpDownCounter {
	options := []metric.Int64ObservableUpDownCounterOption{metric.WithUnit(of.Unit), metric.WithDescription(of.Help)}
	for _, f := range read {
		options = append(options, metric.WithInt64Callback(f))
	}
	counter, err := m.Meter.Int64ObservableUpDownCounter(of.Name, options...)
	return made(m, counter, err)
}

// Gauge makes a gauge.
func (m *Maker) Gauge(of Metric, read ...metric.Int64Callback) metric.Int64ObservableGauge {
	options := []metric.Int64ObservableGaugeOption{metric.WithUnit(of.Unit), metric.WithDescription(of.Help)}
	for _, f := range read {
		options = append(options, metric.WithInt64Callback(f))
	}
	gauge, err := m.Meter.Int64ObservableGauge(of.Name, options...)
	return made(m, gauge, err)
}

// FloatGauge makes a gauge of numbers with a fraction.
func (m *Maker) FloatGauge(of Metric) metric.Float64ObservableGauge {
	gauge, err := m.Meter.Float64ObservableGauge(of.Name, metric.WithUnit(of.Unit), metric.WithDescription(of.Help))
	return made(m, gauge, err)
}

// ToldCounter makes a counter that is told of each event.
func (m *Maker) ToldCounter(of Metric) metric.Int64Counter {
	counter, err := m.Meter.Int64Counter(of.Name, metric.WithUnit(of.Unit), metric.WithDescription(of.Help))
	return made(m, counter, err)
}

// ToldGauge makes a gauge that is told of each change.
func (m *Maker) ToldGauge(of Metric) metric.Int64Gauge {
	gauge, err := m.Meter.Int64Gauge(of.Name, metric.WithUnit(of.Unit), metric.WithDescription(of.Help))
	return made(m, gauge, err)
}

// Histogram makes a histogram with the upper bounds of its buckets.
func (m *Maker) Histogram(of Metric, bounds ...float64) metric.Float64Histogram {
	histogram, err := m.Meter.Float64Histogram(of.Name, metric.WithUnit(of.Unit), metric.WithDescription(of.Help),
		metric.WithExplicitBucketBoundaries(bounds...))
	return made(m, histogram, err)
}

// Together has instruments observed by one callback, unless one could not be made.
func (m *Maker) Together(read metric.Callback, instruments ...metric.Observable) error {
	if err := m.Err(); err != nil {
		return err
	}
	_, err := m.Meter.RegisterCallback(read, instruments...)
	return err
}
