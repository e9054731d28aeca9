package telemetry

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// maxSeries bounds the keys of one table. What comes beyond shares one series,
// marked as the OpenTelemetry SDK marks it. Keys come from policies and routes,
// never from clients, so this is a net and not a working limit.
const maxSeries = 4096

// overflow marks the series of all keys that found no room.
func overflow() attribute.Set {
	return attribute.NewSet(attribute.Bool("otel.metric.overflow", true))
}

// table remembers what was made of each key, so that attributes are put
// together once and not for each request. Finding a key takes no lock and
// allocates nothing.
type table[K comparable, V any] struct {
	make func(K) V
	most int // keys
	full V   // what all further keys get

	mu    sync.Mutex // held while a key is added
	known atomic.Pointer[map[K]V]
}

// of returns the key's value.
func (t *table[K, V]) of(key K) V {
	if known := t.known.Load(); known != nil {
		if value, ok := (*known)[key]; ok {
			return value
		}
	}
	return t.add(key)
}

// add replaces the map by one with the key, as readers hold no lock.
func (t *table[K, V]) add(key K) V {
	t.mu.Lock()
	defer t.mu.Unlock()
	grown := map[K]V{}
	if known := t.known.Load(); known != nil {
		if value, ok := (*known)[key]; ok {
			return value
		}
		if len(*known) >= t.most {
			return t.full
		}
		grown = maps.Clone(*known)
	}
	value := t.make(key)
	grown[key] = value
	t.known.Store(&grown)
	return value
}

// all returns the map of what is known, which must not be changed.
func (t *table[K, V]) all() map[K]V {
	if known := t.known.Load(); known != nil {
		return *known
	}
	return nil
}

// recordOptions returns a table of the options that record under a key's
// attributes.
func recordOptions[K comparable](attributes func(K) []attribute.KeyValue) *table[K, []metric.RecordOption] {
	options := func(set attribute.Set) []metric.RecordOption {
		return []metric.RecordOption{metric.WithAttributeSet(set)}
	}
	return &table[K, []metric.RecordOption]{
		make: func(key K) []metric.RecordOption { return options(attribute.NewSet(attributes(key)...)) },
		most: maxSeries,
		full: options(overflow()),
	}
}

// count is one series of a counter.
type count struct {
	atomic.Int64
	options []metric.ObserveOption
}

func newCount(set attribute.Set) *count {
	return &count{options: []metric.ObserveOption{metric.WithAttributeSet(set)}}
}

// counters counts by key. Adding is one atomic addition, a fraction of what a
// synchronous instrument of the SDK costs; the meter's reader collects the sums.
type counters[K comparable] struct{ *table[K, *count] }

func newCounters[K comparable](attributes func(K) []attribute.KeyValue) counters[K] {
	return counters[K]{&table[K, *count]{
		make: func(key K) *count { return newCount(attribute.NewSet(attributes(key)...)) },
		most: maxSeries,
		full: newCount(overflow()),
	}}
}

// observe is a metric.Int64Callback.
func (c counters[K]) observe(_ context.Context, to metric.Int64Observer) error {
	for _, one := range c.all() {
		to.Observe(one.Load(), one.options...)
	}
	if n := c.full.Load(); n != 0 {
		to.Observe(n, c.full.options...)
	}
	return nil
}
