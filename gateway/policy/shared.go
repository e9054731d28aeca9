package policy

import "reflect"

// Equal tells whether two blocks say the same, so that RPCs may share what is made
// by them, and it may stay where only other blocks change.
func Equal(a, b any) bool { return reflect.DeepEqual(a, b) }

// UnequalBreakers looks for methods of one service that share the service's
// breaker and give it different settings. It returns the index of the first
// method with a breaker of that scope, and of all that differ from it.
func UnequalBreakers(methods []Method) (first int, others []int) {
	return unequal(methods, func(m Method) any {
		if m.CircuitBreaker == nil || m.CircuitBreaker.Scope != BreakerPerService {
			return nil
		}
		return *m.CircuitBreaker
	})
}

// UnequalLimiters looks for methods of one service that share a limiter and give
// it different settings, as UnequalBreakers does.
func UnequalLimiters(methods []Method) (first int, others []int) {
	return unequal(methods, func(m Method) any {
		if m.Concurrency == nil || !m.Concurrency.PerService {
			return nil
		}
		return m.Concurrency.Limiter()
	})
}

// Limiter returns what RPCs must agree on to share one bound and one queue: all but
// the criticality, which is each RPC's own.
func (c Concurrency) Limiter() Concurrency {
	c.Criticality = ""
	return c
}

// unequal compares what methods share. shared returns nil for one that shares
// nothing.
func unequal(methods []Method, shared func(Method) any) (first int, others []int) {
	first = -1
	for i, m := range methods {
		switch settings := shared(m); {
		case settings == nil:
		case first < 0:
			first = i
		case !Equal(shared(methods[first]), settings):
			others = append(others, i)
		}
	}
	return first, others
}
