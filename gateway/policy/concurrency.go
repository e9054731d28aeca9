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

// rules has nothing against a stream, which counts as one call for its life; but
// its latency says nothing that a limit could follow.
func (c *Concurrency) rules(rpc RPC, _ Method) faults {
	var found faults
	if rpc.streaming() && c.Adaptive {
		found.add("concurrency.adaptive", "the time that a stream takes says nothing of the upstream's capacity", "remove it")
	}
	return found
}
