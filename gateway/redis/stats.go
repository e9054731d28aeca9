package redis

import "sync/atomic"

// Stats counts what a [Client] did since it was opened.
type Stats struct {
	// Calls reached the server's connection.
	Calls int64
	// Rejected calls failed at once: the node was given up or never connected, the
	// client is closed, or the request has no time left.
	Rejected int64
	// Timeouts are calls that nobody waited for after [Options.Timeout], those that
	// found no place in flight included.
	Timeouts int64
	// Hurried are calls whose request had no more time for Redis, though the node
	// had some.
	Hurried int64
	// Failures are calls that ended with trouble of the store, late ones included.
	Failures int64
	// Probes are looks at a node that was given up.
	Probes int64
	// InFlight is how many calls the nodes owe a reply now.
	InFlight int64
	// Connections are open now, those to sentinels included.
	Connections int64
	// GivenUp is how many nodes are given up now.
	GivenUp int64
}

type counters struct {
	calls, rejected, timeouts, hurried, failures, probes, open atomic.Int64
}

// Stats returns the counters.
func (c *Client) Stats() Stats {
	s := Stats{
		Calls:    c.counters.calls.Load(),
		Rejected: c.counters.rejected.Load(),
		Timeouts: c.counters.timeouts.Load(),
		Hurried:  c.counters.hurried.Load(),
		Failures: c.counters.failures.Load(),
		Probes:   c.counters.probes.Load(),

		Connections: c.counters.open.Load(),
	}
	for g := range c.topology.Load().probes {
		s.InFlight += int64(len(g.places))
		if g.open.Load() {
			s.GivenUp++
		}
	}
	return s
}
