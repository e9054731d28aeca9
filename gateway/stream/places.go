package stream

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// Total bounds the streams of a whole process. The zero value admits none.
type Total struct {
	Max int64

	open    atomic.Int64
	sockets sync.WaitGroup
}

// Taken notes that a stream takes its connection from the server, which then does not
// wait for it, until the function that it returns is called.
func (t *Total) taken() (done func()) {
	t.sockets.Add(1)
	return t.sockets.Done
}

// Wait waits until every stream that has its server's connection has ended, or until
// the end of ctx. Streams that begin meanwhile need not be waited for.
func (t *Total) Wait(ctx context.Context) error {
	ended := make(chan struct{})
	go func() { // it ends with the last stream
		t.sockets.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Open returns how many streams are open.
func (t *Total) Open() int64 { return t.open.Load() }

func (t *Total) enter() bool {
	if t.open.Add(1) > t.Max {
		t.open.Add(-1)
		return false
	}
	return true
}

func (t *Total) leave() { t.open.Add(-1) }

// PlacesOptions is what the bounds of streams need beside their policy.
type PlacesOptions struct {
	// Principal and Address say what a stream is counted under. "" counts under
	// nothing. Required.
	Principal, Address func(*http.Request) string
	// Total is the bound of all streams of the process. Required.
	Total *Total
	// OnError writes a refusal. Required.
	OnError func(http.ResponseWriter, *http.Request, error)
}

// Places bounds the open streams of one RPC: by principal, by address, and by what the
// process holds. What it remembers is as much as there are open streams. It is safe for
// concurrent use.
type Places struct {
	policy     policy.Stream
	options    PlacesOptions
	principals *counts
	addresses  *counts
}

// NewPlaces returns the bounds of a policy.
func NewPlaces(p policy.Stream, o PlacesOptions) *Places {
	return &Places{
		policy:     p,
		options:    o,
		principals: &counts{open: map[string]int{}},
		addresses:  &counts{open: map[string]int{}},
	}
}

// Succeed has the places count what was opened by a policy before. It is called before
// the first stream.
func (p *Places) Succeed(before *Places) {
	p.principals, p.addresses = before.principals, before.addresses
}

// Middleware refuses a stream that is one too many.
func (p *Places) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		principal, address := p.options.Principal(r), p.options.Address(r)
		if !p.options.Total.enter() {
			p.options.OnError(w, r, &apierror.Error{
				Code: codes.Unavailable, Reason: apierror.Overloaded, Message: "the gateway has as many streams open as it may", RetryAfter: time.Second,
			})
			return
		}
		defer p.options.Total.leave()
		if !p.principals.enter(principal, p.policy.MaxPerPrincipal) {
			p.options.OnError(w, r, tooMany("caller", p.policy.MaxPerPrincipal))
			return
		}
		defer p.principals.leave(principal)
		if !p.addresses.enter(address, p.policy.MaxPerAddress) {
			p.options.OnError(w, r, tooMany("address", p.policy.MaxPerAddress))
			return
		}
		defer p.addresses.leave(address)
		next.ServeHTTP(w, r)
	})
}

func tooMany(whose string, most int) error {
	return &apierror.Error{
		Code: codes.ResourceExhausted, Reason: TooManyStreams, Message: fmt.Sprintf("the %s has %d of these streams open; close one", whose, most),
	}
}

// counts are open streams by a key.
type counts struct {
	mu   sync.Mutex
	open map[string]int
}

func (c *counts) enter(key string, most int) bool {
	if key == "" {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[key] >= most {
		return false
	}
	c.open[key]++
	return true
}

func (c *counts) leave(key string) {
	if key == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[key]--; c.open[key] == 0 {
		delete(c.open, key)
	}
}
