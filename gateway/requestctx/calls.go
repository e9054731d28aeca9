package requestctx

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Calls is what became of a request's calls to its upstream, for whoever tells of
// the request when it is over. Its methods are safe for concurrent use, as hedged
// attempts need it, and do nothing on a nil Calls.
type Calls struct {
	mu       sync.Mutex
	attempts int
	under    int           // attempts now
	since    time.Time     // when the first of them began
	took     time.Duration // of those that are over; at the same time counts once
	ended    time.Time     // when the last attempt ended

	address             atomic.Pointer[string]
	stream              atomic.Bool
	requests, responses atomic.Int64
}

// CallsSoFar is what [Calls] has seen.
type CallsSoFar struct {
	// Attempts counts those that have begun.
	Attempts int
	// Took is how long one attempt at least was under way.
	Took time.Duration
	// Ended is when the last attempt ended; zero while one is under way.
	Ended time.Time
	// Address is what the last attempt was sent to; "": nobody has said.
	Address string
	// Stream tells that the attempt was a stream; Requests and Responses are its
	// messages.
	Stream              bool
	Requests, Responses int64
}

// Begin begins an attempt, and End ends it.
func (c *Calls) Begin(now time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts++
	if c.under++; c.under == 1 {
		c.since = now
	}
}

// End ends what Begin began.
func (c *Calls) End(now time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.under--; c.under == 0 {
		c.took += now.Sub(c.since)
		c.ended = now
	}
}

// Reached tells the address that an attempt is sent to, which must not be changed.
func (c *Calls) Reached(address *string) {
	if c != nil {
		c.address.Store(address)
	}
}

// Streams tells that the attempt is a stream.
func (c *Calls) Streams() {
	if c != nil {
		c.stream.Store(true)
	}
}

// Sent counts a message of a stream to the upstream.
func (c *Calls) Sent() {
	if c != nil {
		c.requests.Add(1)
	}
}

// Received counts a message of a stream from the upstream.
func (c *Calls) Received() {
	if c != nil {
		c.responses.Add(1)
	}
}

// SoFar returns what was seen until now.
func (c *Calls) SoFar(now time.Time) CallsSoFar {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := CallsSoFar{
		Attempts: c.attempts, Took: c.took, Ended: c.ended,
		Stream: c.stream.Load(), Requests: c.requests.Load(), Responses: c.responses.Load(),
	}
	if c.under > 0 {
		seen.Took, seen.Ended = seen.Took+now.Sub(c.since), time.Time{}
	}
	if address := c.address.Load(); address != nil {
		seen.Address = *address
	}
	return seen
}

type callsKey struct{}

// Calls returns the calls of the request.
func (c *Context) Calls() *Calls { return &c.calls }

// CallsOf returns the calls of the request that ctx is of, or nil outside of one and
// for what no client waits for ([Unhurried]).
func CallsOf(ctx context.Context) *Calls {
	c, _ := ctx.Value(callsKey{}).(*Calls)
	return c
}
