package upstream

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
)

// attempt is the context of a call on its way to an address: it tells the picker
// what to mind and takes what the picker chose.
type attempt struct {
	context.Context
	group  *Group // nil: no breakers
	tried  *tried // nil: attempts of the call do not avoid each other
	stream bool   // ends with its stream, not with a function

	mu      sync.Mutex
	permit  Permit
	address string // that was chosen
}

type attemptKey struct{}

func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	return a
}

func newAttempt(ctx context.Context, g *Group) *attempt {
	a := &attempt{Context: ctx, group: g}
	if outer := attemptOf(ctx); outer != nil {
		a.tried = outer.tried
	}
	return a
}

// Value implements context.Context.
func (a *attempt) Value(key any) any {
	if key == (attemptKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// SpreadAttempts returns a step that stands outside retry and hedging: each
// attempt of a call then goes to an address that none before it went to, as long
// as there is one. It is for connections of [New]; with others it does nothing.
func SpreadAttempts() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
		invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		return invoker(&attempt{Context: ctx, tried: &tried{}}, method, req, reply, cc, opts...)
	}
}

// claim reports whether no attempt of the call has gone to an address, and makes
// it that of this one.
func (a *attempt) claim(e *endpoint) bool { return a == nil || a.tried.add(e) }

// chosen makes a choice that of the call.
func (a *attempt) chosen(e *endpoint, permit Permit, result balancer.PickResult) balancer.PickResult {
	a.begin(e.address, permit)
	a.tried.add(e)
	if a.stream {
		result.Done = a.streamDone(result.Done)
	}
	return result
}

// begin takes the permit of the address that was chosen. One from before belongs
// to a choice that came to nothing: the connection was lost before the call was
// sent.
func (a *attempt) begin(address string, p Permit) {
	a.mu.Lock()
	before := a.permit
	a.permit, a.address = p, address
	a.mu.Unlock()
	if before != nil {
		before.Release()
	}
}

func (a *attempt) take() Permit {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.permit
	a.permit = nil
	return p
}

func (a *attempt) finish(ctx context.Context, err error) {
	if p := a.take(); p != nil {
		p.Done(ctx, err)
	}
}

func (a *attempt) abandon() {
	if p := a.take(); p != nil {
		p.Release()
	}
}

// maxTried bounds the addresses that a call remembers; further attempts repeat.
const maxTried = 8

// tried are the addresses that the attempts of a call have gone to.
type tried struct {
	mu        sync.Mutex // hedged attempts choose at once
	count     int
	endpoints [maxTried]*endpoint
}

// add reports whether an address is new, and remembers it.
func (t *tried) add(e *endpoint) bool {
	if t == nil {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(t.endpoints[:t.count], e) {
		return false
	}
	if t.count < maxTried {
		t.endpoints[t.count] = e
		t.count++
	}
	return true
}
