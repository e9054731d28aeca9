package recent

import (
	"maps"
	"slices"
	"time"
)

const (
	// All is the group of everything that the process served.
	All = ""
	// Unrouted is the group of requests that no route matched.
	Unrouted = "unrouted"
)

// Percentile is a percentile of the requests' durations.
type Percentile int

// Percentiles are those that are remembered.
var Percentiles = []Percentile{50, 95, 99}

// Window is what is remembered of one group, the oldest first. All columns are as
// long as Times.
type Window struct {
	// Times are when each sample was taken; its rates are those since the one
	// before.
	Times []time.Time
	// Rates are events a second, by what happened: "status.2xx" to "status.5xx" and
	// "status.aborted" of requests, "cache." and an outcome, "limit." and a decision,
	// "attempt." and a verdict, "shed." and a criticality, "shadow." and a policy.
	// What never happened is absent.
	Rates map[string][]float32
	// Levels are what stood at a value when the sample was taken, of [All] alone:
	// "memory" and "unsent" in bytes, "goroutines", "active" requests, "connections" of
	// clients, calls in flight to each "upstream". "cpu", among the rates, is in cores.
	Levels map[string][]float32
	// Durations are those of requests in seconds, by percentile, over [Over] before
	// each sample; NaN where there were none.
	Durations map[Percentile][]float32
}

// Groups returns the names of the groups that have had traffic, in alphabetical
// order, without [All].
func (h *History) Groups() []string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	names := slices.Sorted(maps.Keys(h.groups))
	return slices.DeleteFunc(names, func(name string) bool { return name == All })
}

// Window returns the last samples of a group, at most the given number. One
// without traffic has rates of nothing.
func (h *History) Window(group string, last int) Window {
	h.mu.RLock()
	defer h.mu.RUnlock()
	first := max(1, h.taken-len(h.times), h.taken-max(last, 0))
	w := Window{Rates: map[string][]float32{}, Levels: map[string][]float32{}, Durations: map[Percentile][]float32{}}
	for n := first; n < h.taken; n++ {
		w.Times = append(w.Times, h.times[n%len(h.times)])
	}
	g := h.groups[group]
	if g == nil {
		return w
	}
	for event, column := range g.rates {
		w.Rates[event] = unrolled(column, first, h.taken)
	}
	for level, column := range g.levels {
		w.Levels[level] = unrolled(column, first, h.taken)
	}
	for p, column := range g.p {
		w.Durations[p] = unrolled(column, first, h.taken)
	}
	return w
}

// unrolled returns the samples of a ring from first to before end.
func unrolled(ring []float32, first, end int) []float32 {
	column := make([]float32, 0, max(end-first, 0))
	for n := first; n < end; n++ {
		column = append(column, ring[n%len(ring)])
	}
	return column
}

// Breakers returns the state of each circuit breaker at the last sample, by its name.
func (h *History) Breakers() map[string]string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return maps.Clone(h.breakers)
}
