package upstream

import (
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/connectivity"
)

// endpoint is an address and the connections to it. It lives as long as its
// balancer finds the address.
type endpoint struct {
	address string
	hub     *hub
	conns   []*connection // by lane
	start   ramp          // slow start

	// The balancer's lock guards these.
	state connectivity.State
	cold  bool // new, or out of reach since it was last ready
}

// connection is one HTTP/2 connection to an address, whichever it is after a
// reconnection.
type connection struct {
	hub    *hub
	active atomic.Int64             // calls in flight
	done   func(balancer.DoneInfo)  // ends a call; made once, so that calls do not allocate it
	latest atomic.Pointer[connSeen] // for View
}

// connSeen is what was last seen of a connection.
type connSeen struct {
	state  connectivity.State
	picker balancer.Picker // nil: another balancer picks it
	err    error           // with TransientFailure
}

// begin counts a call; done ends it.
func (c *connection) begin() {
	c.active.Add(1)
	c.hub.begin()
}

func newEndpoint(h *hub, address string, lanes int) *endpoint {
	e := &endpoint{address: address, hub: h, state: connectivity.Idle, cold: true}
	for range lanes {
		c := &connection{hub: h}
		c.done = func(balancer.DoneInfo) {
			c.active.Add(-1)
			h.end()
		}
		c.latest.Store(&connSeen{state: connectivity.Idle})
		e.conns = append(e.conns, c)
	}
	return e
}

// survey returns the endpoints that the lanes have, those of before where they
// are the same, and how their states changed.
func survey(h *hub, lanes []balancer.State, before map[string]*endpoint) (map[string]*endpoint, []Change) {
	all := make(map[string]*endpoint, len(before))
	for i, lane := range lanes {
		for _, child := range endpointsharding.ChildStatesFromPicker(lane.Picker) {
			if len(child.Endpoint.Addresses) == 0 {
				continue
			}
			address := child.Endpoint.Addresses[0].Addr
			e := all[address]
			if e == nil {
				if e = before[address]; e == nil {
					e = newEndpoint(h, address, len(lanes))
				}
				all[address] = e
			}
			e.conns[i].latest.Store(newSeen(child.State))
		}
	}
	changed := departed(h, before, all)
	for _, address := range sorted(all) {
		if change, ok := all[address].judge(); ok {
			changed = append(changed, change)
		}
	}
	return all, changed
}

func newSeen(s balancer.State) *connSeen {
	seen := &connSeen{state: s.ConnectivityState, picker: s.Picker}
	if s.ConnectivityState == connectivity.TransientFailure && s.Picker != nil {
		_, seen.err = s.Picker.Pick(balancer.PickInfo{}) // it fails with the reason
	}
	return seen
}

// departed returns the changes for endpoints that are no more.
func departed(h *hub, before, after map[string]*endpoint) []Change {
	var changed []Change
	for _, address := range sorted(before) {
		if after[address] == nil {
			changed = append(changed, Change{Target: h.target, Address: address, From: before[address].state, To: connectivity.Shutdown})
		}
	}
	return changed
}

func sorted(endpoints map[string]*endpoint) []string {
	addresses := make([]string, 0, len(endpoints))
	for address := range endpoints {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	return addresses
}

// judge takes the best state of the connections as the endpoint's and starts the
// slow start of one that was out of reach.
func (e *endpoint) judge() (Change, bool) {
	best := e.conns[0].latest.Load()
	for _, c := range e.conns[1:] {
		if seen := c.latest.Load(); order(seen.state) > order(best.state) {
			best = seen
		}
	}
	if best.state == e.state {
		return Change{}, false
	}
	change := Change{Target: e.hub.target, Address: e.address, From: e.state, To: best.state, Err: best.err}
	e.state = best.state
	switch e.state {
	case connectivity.TransientFailure:
		e.cold = true
	case connectivity.Ready:
		if e.cold && e.hub.options.SlowStart > 0 {
			e.start.begin(e.hub.now())
		}
		e.cold = false
	}
	return change, true
}

// leastShare is what an address starts with on its way to a full share: enough
// that a service which warms up by being used does so.
const leastShare = 0.1

// ramp is the growth of an address's share of calls, by time. The zero value has
// the full share.
type ramp struct {
	since atomic.Int64 // an instant plus 1; 0: full
}

func (r *ramp) begin(now time.Duration) { r.since.Store(int64(now) + 1) }

func (r *ramp) clear() { r.since.Store(0) }

// share returns the share of calls, above 0 and up to 1, after a growth that
// takes window.
func (r *ramp) share(h *hub, window time.Duration) float64 {
	since := r.since.Load()
	if since == 0 {
		return 1
	}
	grown := float64(h.now()-time.Duration(since-1)) / float64(window)
	if grown >= 1 {
		r.since.CompareAndSwap(since, 0)
		return 1
	}
	return leastShare + (1-leastShare)*grown
}
