package telemetry

import (
	"context"
	"maps"
	"sync"

	"go.opentelemetry.io/otel/metric"
)

// breakers are the circuit breakers whose states are shown.
type breakers struct {
	mu     sync.Mutex
	states map[string]func() string // by name
}

// ObserveBreaker shows the state of a breaker, which state returns as "closed",
// "half_open" or "open" whenever metrics are read, concurrently with others. It
// is asked rather than told, as an open breaker becomes half-open by time
// passing. A later breaker of the same name takes the earlier one's place.
func (m *Metrics) ObserveBreaker(name string, state func() string) {
	if m == nil {
		return
	}
	m.breakers.mu.Lock()
	defer m.breakers.mu.Unlock()
	if m.breakers.states == nil {
		m.breakers.states = map[string]func() string{}
	}
	m.breakers.states[name] = state
}

// ForgetBreaker ends that a breaker is shown. One that is not shown is no fault.
func (m *Metrics) ForgetBreaker(name string) {
	if m == nil {
		return
	}
	m.breakers.mu.Lock()
	defer m.breakers.mu.Unlock()
	delete(m.breakers.states, name)
}

// observe is a metric.Int64Callback. It calls no breaker under the lock.
func (b *breakers) observe(_ context.Context, to metric.Int64Observer) error {
	b.mu.Lock()
	states := maps.Clone(b.states)
	b.mu.Unlock()
	for name, state := range states {
		now := state()
		for _, one := range [...]string{"closed", "half_open", "open"} {
			var is int64
			if one == now {
				is = 1
			}
			to.Observe(is, metric.WithAttributes(breakerKey.String(name), stateKey.String(one)))
		}
	}
	return nil
}
