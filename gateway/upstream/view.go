package upstream

import (
	"cmp"
	"slices"

	"google.golang.org/grpc/connectivity"
)

// View is a snapshot of the connections to an upstream, for metrics and the admin
// pages.
type View struct {
	Target string
	State  connectivity.State
	// InFlight is the number of calls that have an address and have not ended.
	InFlight int64
	// ReceivedBytes and SentBytes are those of all connections since the first, without
	// what TLS adds; 0 where DialOptions bring transport credentials, as xds does.
	ReceivedBytes, SentBytes int64
	// Addresses are those that are known, in order. Empty before the first call
	// and after IdleTimeout.
	Addresses []AddressView
}

// AddressView is a snapshot of one address.
type AddressView struct {
	Address string
	// State is the best of its connections' states.
	State connectivity.State
	// Connections counts its connections by state.
	Connections map[connectivity.State]int
	InFlight    int64
	// Share is 1, or less during slow start.
	Share float64
	// Ejections are the groups in which it has no full share, in the order of
	// the groups.
	Ejections []EjectionView
}

// EjectionView is what a group makes of an address.
type EjectionView struct {
	Group  string
	State  State
	Share  float64 // of calls while Closed; 0 while Open
	Shadow bool
}

// View returns a snapshot.
func (c *Conn) View() View {
	h := c.hub
	h.mu.Lock()
	endpoints, groups := h.endpoints, h.groups
	h.mu.Unlock()
	view := View{Target: h.target, State: c.GetState(), InFlight: h.active.Load()}
	view.ReceivedBytes, view.SentBytes = h.moved.received.Load(), h.moved.sent.Load()
	for _, address := range sorted(endpoints) {
		v := endpoints[address].view()
		for _, g := range groups {
			if e, ok := g.view(address); ok {
				v.Ejections = append(v.Ejections, e)
			}
		}
		view.Addresses = append(view.Addresses, v)
	}
	return view
}

func (e *endpoint) view() AddressView {
	v := AddressView{Address: e.address, Connections: map[connectivity.State]int{}, Share: e.slowStart()}
	states := make([]connectivity.State, 0, len(e.conns))
	for _, c := range e.conns {
		state := c.latest.Load().state
		v.Connections[state]++
		v.InFlight += c.active.Load()
		states = append(states, state)
	}
	v.State = slices.MaxFunc(states, func(a, b connectivity.State) int { return cmp.Compare(order(a), order(b)) })
	return v
}

// view returns what the group makes of an address, unless that is nothing.
func (g *Group) view(address string) (EjectionView, bool) {
	m := (*g.members.Load())[address]
	if m == nil {
		return EjectionView{}, false
	}
	v := EjectionView{Group: g.options.Name, State: m.breaker.State(), Share: m.share(), Shadow: g.options.Shadow}
	if v.State == Open {
		v.Share = 0
	}
	return v, v.State != Closed || v.Share < 1
}
