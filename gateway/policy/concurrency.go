package policy

import "fmt"

func (c *Concurrency) limits() faults {
	var found faults
	found.number("concurrency.max_in_flight", int64(c.MaxInFlight), 1, 1_000_000)
	found.number("concurrency.max_queue", int64(c.MaxQueue), 0, 100_000)
	switch c.Criticality {
	case CriticalityCritical, CriticalityDefault, CriticalitySheddable:
	default:
		found.add("concurrency.criticality", fmt.Sprintf("%q is no criticality", c.Criticality),
			"write CRITICALITY_CRITICAL, CRITICALITY_DEFAULT or CRITICALITY_SHEDDABLE")
	}
	return found
}

func (c *Concurrency) rules(rpc RPC, _ Method) faults {
	var found faults
	if rpc.streaming() {
		found.notOnStreams("concurrency", "a bound on the streams in flight")
	}
	return found
}

// SameLimiter tells whether two RPCs of a service can share one bound and one
// queue: all is equal but the criticality.
func (c Concurrency) SameLimiter(other Concurrency) bool {
	c.Criticality = other.Criticality
	return c == other
}
