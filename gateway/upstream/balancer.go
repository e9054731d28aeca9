package upstream

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// balancerName is how a service config names the balancer.
const balancerName = "venta_addresses"

func init() { balancer.Register(addressesBuilder{}) } //nolint:gochecknoinits // Register must not be called later

type addressesBuilder struct{}

func (addressesBuilder) Name() string { return balancerName }

func (addressesBuilder) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	a := &addresses{cc: cc, options: o, endpoints: map[string]*endpoint{}}
	a.round.Store(rand.Uint64()) //nolint:gosec // no secret: gateways that start together must not go round together
	return a
}

// addresses is a round robin over addresses. It has as many lanes as there are
// connections to an address, each of which is grpc-go's sharding of the addresses
// over one-connection balancers.
type addresses struct {
	cc      balancer.ClientConn
	options balancer.BuildOptions
	round   atomic.Uint64 // of the round robin, across pickers

	lanes []*lane // set by the first update

	mu        sync.Mutex
	hub       *hub
	endpoints map[string]*endpoint
	closed    bool
}

// lane holds one connection to each address.
type lane struct {
	balancer.ClientConn // of grpc-go, but for UpdateState and NewSubConn
	balancer            balancer.Balancer
	parent              *addresses
	index               int
	state               balancer.State // parent.mu
}

// UpdateState takes what became of the lane's connections.
func (l *lane) UpdateState(s balancer.State) { l.parent.update(l, s) }

var errForeign = errors.New("upstream: the balancer works for connections of upstream.New alone")

// UpdateClientConnState takes the addresses that were found. When none were, those
// from before stay in use, and the error has the resolver try again: names that
// vanish for a moment must not become an outage.
func (a *addresses) UpdateClientConnState(s balancer.ClientConnState) error {
	h := hubOf(s.ResolverState.Attributes)
	if h == nil {
		a.cc.UpdateState(balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: failing{errForeign}})
		return balancer.ErrBadResolverState
	}
	if resolver.ValidateEndpoints(s.ResolverState.Endpoints) != nil && a.knowsSome() {
		return balancer.ErrBadResolverState
	}
	if a.lanes == nil {
		a.open(h)
	}
	var err error
	for _, l := range a.lanes {
		err = errors.Join(err, l.balancer.UpdateClientConnState(balancer.ClientConnState{
			ResolverState: pickfirst.EnableHealthListener(s.ResolverState),
		}))
	}
	if err != nil {
		return balancer.ErrBadResolverState
	}
	h.retain()
	return nil
}

// connectTimeout is how long a connection may take until it is of use.
func (a *addresses) connectTimeout() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hub.options.ConnectTimeout
}

func (a *addresses) knowsSome() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.endpoints) > 0
}

func (a *addresses) open(h *hub) {
	a.mu.Lock()
	a.hub = h
	a.mu.Unlock()
	child := balancer.Get(pickfirst.Name).Build
	for i := range h.options.ConnectionsPerAddress {
		l := &lane{ClientConn: a.cc, parent: a, index: i}
		l.balancer = endpointsharding.NewBalancer(l, a.options, child, endpointsharding.Options{})
		a.lanes = append(a.lanes, l)
	}
}

// update joins the lanes' states into one for grpc-go. grpc-go's own locks are
// held by the callers, and it expects the states in order.
func (a *addresses) update(l *lane, s balancer.State) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	l.state = s
	lanes := make([]balancer.State, len(a.lanes))
	for i, other := range a.lanes {
		lanes[i] = other.state
	}
	all, changed := survey(a.hub, lanes, a.endpoints)
	a.endpoints = all
	a.hub.tell(all, changed)
	a.cc.UpdateState(a.joined(lanes))
}

// joined returns the best of the lanes' states. With an address that is ready it
// has the picker over all of them, else that of the best lane, which knows
// whether to wait or to fail.
func (a *addresses) joined(lanes []balancer.State) balancer.State {
	best := lanes[0]
	for _, state := range lanes {
		if rank(state) > rank(best) {
			best = state
		}
	}
	if best.ConnectivityState == connectivity.Ready {
		best.Picker = newPicker(a.hub, &a.round, a.endpoints)
	}
	return best
}

// rank orders states as endpointsharding does for the addresses of a lane.
func rank(s balancer.State) int {
	if s.Picker == nil {
		return 0 // the lane has said nothing yet
	}
	return order(s.ConnectivityState)
}

func order(s connectivity.State) int {
	switch s {
	case connectivity.Ready:
		return 4
	case connectivity.Connecting:
		return 3
	case connectivity.Idle:
		return 2
	}
	return 1
}

// ResolverError tells each lane that the addresses could not be found.
func (a *addresses) ResolverError(err error) {
	if a.lanes == nil {
		a.cc.UpdateState(balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: failing{err}})
	}
	for _, l := range a.lanes {
		l.balancer.ResolverError(err)
	}
}

// UpdateSubConnState is deprecated and never called.
func (*addresses) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle connects.
func (a *addresses) ExitIdle() {
	for _, l := range a.lanes {
		l.balancer.ExitIdle()
	}
}

// Close drops the connections.
func (a *addresses) Close() {
	a.mu.Lock()
	a.closed = true
	h, gone := a.hub, a.endpoints
	a.endpoints = nil
	a.mu.Unlock()
	for _, l := range a.lanes {
		l.balancer.Close()
	}
	if h != nil {
		h.tell(nil, departed(h, gone, nil))
	}
}

// failing picks nothing.
type failing struct{ err error }

func (f failing) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	return balancer.PickResult{}, f.err
}
