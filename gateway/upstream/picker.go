package upstream

import (
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"

	"github.com/venta-hq/venta/gateway/requestctx"
)

// picker chooses among the addresses that are ready. It never changes.
type picker struct {
	hub   *hub
	round *atomic.Uint64
	ready []candidate
}

// candidate is an address with its connections that are ready.
type candidate struct {
	*endpoint
	lines []line
}

// line is a connection that is ready, and how to get at it.
type line struct {
	conn   *connection
	picker balancer.Picker
}

func newPicker(h *hub, round *atomic.Uint64, endpoints map[string]*endpoint) *picker {
	p := &picker{hub: h, round: round}
	for _, address := range sorted(endpoints) {
		c := candidate{endpoint: endpoints[address]}
		for _, conn := range c.conns {
			if seen := conn.latest.Load(); seen.state == connectivity.Ready {
				c.lines = append(c.lines, line{conn, seen.picker})
			}
		}
		if len(c.lines) > 0 {
			p.ready = append(p.ready, c)
		}
	}
	return p
}

// Pick chooses an address and a connection to it.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	a := attemptOf(info.Ctx)
	if a == nil {
		c := p.balanced()
		requestctx.Reached(info.Ctx, &c.address)
		return c.pick(info)
	}
	chosen, permit, err := p.choose(a)
	if err != nil {
		return balancer.PickResult{}, err
	}
	result, err := chosen.pick(info)
	if err != nil {
		if permit != nil {
			permit.Release()
		}
		return result, err
	}
	requestctx.Reached(info.Ctx, &chosen.address)
	return a.chosen(chosen.endpoint, permit, result), nil
}

// next returns the next one of the round robin.
func (p *picker) next() *candidate {
	return &p.ready[p.round.Add(1)%uint64(len(p.ready))]
}

// balanced returns the address for a call without a group. An address in slow
// start leaves its place to the next one as often as its share says.
func (p *picker) balanced() *candidate {
	for range p.ready {
		if c := p.next(); c.hub.lucky(c.slowStart()) {
			return c
		}
	}
	return p.next()
}

// choose returns the address for an attempt, with its group's permit: one whose
// place in the round and share it is, else any new one that admits the call, else any.
func (p *picker) choose(a *attempt) (*candidate, Permit, error) {
	for range p.ready {
		c := p.next()
		if permit, err := c.admit(a, true); err == nil {
			return c, permit, nil
		}
	}
	var refusal error
	for _, again := range []bool{false, true} {
		from := p.round.Load()
		for i := range p.ready {
			c := &p.ready[(from+uint64(i))%uint64(len(p.ready))]
			if !again && !a.claim(c.endpoint) {
				continue
			}
			permit, err := c.admit(a, false)
			if err == nil {
				return c, permit, nil
			}
			refusal = sooner(refusal, err)
		}
	}
	return nil, nil, refusal
}

// pick takes the connection with the fewest calls in flight.
func (c *candidate) pick(info balancer.PickInfo) (balancer.PickResult, error) {
	best := &c.lines[0]
	for i := 1; i < len(c.lines); i++ {
		if other := &c.lines[i]; other.conn.active.Load() < best.conn.active.Load() {
			best = other
		}
	}
	result, err := best.picker.Pick(info)
	if err != nil {
		return result, err
	}
	result.SubConn = bare(result.SubConn)
	best.conn.begin()
	result.Done = both(result.Done, best.conn.done)
	return result, nil
}

// both returns what calls a, which may be nil, and b.
func both(a, b func(balancer.DoneInfo)) func(balancer.DoneInfo) {
	if a == nil {
		return b
	}
	return func(info balancer.DoneInfo) {
		a(info)
		b(info)
	}
}
