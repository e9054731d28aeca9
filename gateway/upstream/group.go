package upstream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/policy"
)

// GroupOptions say how the RPCs of one policy eject addresses.
type GroupOptions struct {
	// Name tells the groups of a connection apart, such as the full name of a
	// method. Required.
	Name string
	// NewBreaker returns a new breaker for an address, with an error when the
	// policy makes no sense. The breaker calls changed with each change of its
	// state, in order and without a lock held; ctx is that of the call whose outcome
	// has brought it about. Required. [Conn.NewGroup] calls it
	// once, to know of an error, and drops that breaker; one that two calls make at
	// once is dropped too.
	NewBreaker func(address string, changed func(ctx context.Context, from, to State)) (Breaker, error)
	// OnEjection, where set, is told each change of an address's breaker. It runs
	// on the goroutine of some call, without a lock held, and must not block. ctx is
	// that of the call whose outcome has brought the change about.
	OnEjection func(ctx context.Context, e Ejection)
	// Shadow calls an address whose breaker refuses and only reports [WouldEject].
	// The breakers themselves refuse as ever.
	Shadow bool
	// OnShadow is told of it, before the call and on its goroutine. May be nil.
	OnShadow policy.ShadowFunc
}

// WouldEject is what a group in shadow mode would have done: leave out the address
// that a call goes to.
const WouldEject = "eject"

// Ejection is a change of the breaker of an address: with To Open it is left out
// of balancing, with To HalfOpen it gets probes, with To Closed it is back and
// its share grows.
type Ejection struct {
	Group    string
	Target   string
	Address  string
	From, To State
	Shadow   bool // nothing is left out
}

// Group ejects addresses for the RPCs of one policy: each address has a breaker
// of its own, fed by those RPCs, and is left out while it is open. When every
// address that is connected refuses, so is the call, at once and with the
// refusal that ends soonest: the group as a whole then acts as a circuit
// breaker. There is no panic mode that calls failing addresses all the same,
// since a total outage is what a breaker must hold back; bounds on concurrency
// protect the addresses that are left. A Group is made by [Conn.NewGroup]
// and is safe for concurrent use.
type Group struct {
	hub     *hub
	options GroupOptions

	enlist  sync.Once
	closed  bool       // the hub's lock guards it
	mu      sync.Mutex // of those who replace members
	members atomic.Pointer[map[string]*member]
}

// member is an address in a group.
type member struct {
	group   *Group
	address string
	breaker Breaker
	last    atomic.Int32 // the State that was last told
	back    ramp
}

// NewGroup returns a group over the addresses of c. With its first call it takes
// the place of an older group of the same name, whose policy is then no longer in
// force: [Conn.View] does not show that one any more.
func (c *Conn) NewGroup(o GroupOptions) (*Group, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("upstream %q: group %q: %w", c.hub.target, o.Name, err)
	}
	g := &Group{hub: c.hub, options: o}
	g.members.Store(&map[string]*member{})
	return g, nil
}

func (o GroupOptions) validate() error {
	if o.Name == "" {
		return errors.New("Name is missing")
	}
	if o.NewBreaker == nil {
		return errors.New("NewBreaker is missing")
	}
	_, err := o.NewBreaker("", func(context.Context, State, State) {})
	return err
}

// UnaryClientInterceptor returns the group's step around a call. It stands where
// a circuit breaker does: inside retry, so that each attempt counts, and outside
// the timeout of an attempt, so that an attempt without a response counts too.
// The call must reach the connection that the group is of.
func (g *Group) UnaryClientInterceptor() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
		invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		a := newAttempt(ctx, g)
		defer a.abandon() // of a call that does not return
		err := invoker(a, method, req, reply, cc, opts...)
		a.finish(ctx, err)
		return err
	}
}

// Close takes the group out of those in force: nothing of the connection reaches
// it any more. Calls that are under way, or still come, are judged by it as before.
func (g *Group) Close() {
	g.hub.mu.Lock()
	defer g.hub.mu.Unlock()
	g.closed = true
	g.hub.groups = slices.DeleteFunc(slices.Clone(g.hub.groups), func(other *Group) bool { return other == g })
}

// member returns that of an address, and makes it when it is new.
func (g *Group) member(address string) (*member, error) {
	if m := (*g.members.Load())[address]; m != nil {
		return m, nil
	}
	g.enlist.Do(func() { g.hub.enlist(g) })
	m := &member{group: g, address: address}
	var err error
	if m.breaker, err = g.options.NewBreaker(address, m.changed); err != nil {
		return nil, fmt.Errorf("upstream %q: group %q: %w", g.hub.target, g.options.Name, err)
	}
	return g.add(m), nil
}

// add returns the member that another call has added meanwhile, or adds m.
func (g *Group) add(m *member) *member {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := *g.members.Load()
	if other := before[m.address]; other != nil {
		return other
	}
	after := maps.Clone(before)
	after[m.address] = m
	g.members.Store(&after)
	return m
}

// retain forgets the addresses that are no more.
func (g *Group) retain(endpoints map[string]*endpoint) {
	g.mu.Lock()
	defer g.mu.Unlock()
	after := map[string]*member{}
	for address, m := range *g.members.Load() {
		if endpoints[address] != nil {
			after[address] = m
		}
	}
	g.members.Store(&after)
}

// enlist makes a group one of those in force, unless it is closed.
func (h *hub) enlist(g *Group) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if g.closed {
		return
	}
	groups := slices.DeleteFunc(slices.Clone(h.groups), func(other *Group) bool { return other.options.Name == g.options.Name })
	h.groups = append(groups, g)
}

// retain has the groups forget the addresses that are no more.
func (h *hub) retain() {
	h.mu.Lock()
	endpoints, groups := h.endpoints, h.groups
	h.mu.Unlock()
	for _, g := range groups {
		g.retain(endpoints)
	}
}

// changed is told by the breaker.
func (m *member) changed(ctx context.Context, from, to State) {
	o := m.group.options
	if to == Closed && m.group.hub.options.EjectionReturn > 0 {
		m.back.begin(m.group.hub.now())
	} else {
		m.back.clear()
	}
	m.last.Store(int32(to))
	if o.OnEjection != nil {
		o.OnEjection(ctx, Ejection{
			Group: o.Name, Target: m.group.hub.target, Address: m.address, From: from, To: to, Shadow: o.Shadow,
		})
	}
}

// ejected reports, cheaply, whether Acquire is in vain.
func (m *member) ejected() bool {
	return !m.group.options.Shadow && State(m.last.Load()) == Open && m.breaker.State() == Open
}

// share returns the member's share of calls.
func (m *member) share() float64 {
	if m.group.options.Shadow {
		return 1
	}
	return m.back.share(m.group.hub, m.group.hub.options.EjectionReturn)
}
