package telemetry

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// refusalsKept is how many refusals by one block of an RPC are remembered.
	refusalsKept = 16
	// refusalsPerSecond is how many of them are remembered a second: a flood must cost
	// nothing much, and looks the same all the time.
	refusalsPerSecond = 5
	// maxRefusers bounds the blocks that refusals are remembered of, in all.
	maxRefusers = 1024
)

// RefusedRequest is a request that was refused, or that a block in shadow mode would have
// refused. It has neither the request's path nor its query.
type RefusedRequest struct {
	// At is when the request ended.
	At time.Time
	// Method is the RPC, such as "shop.v1.OrderService/Get"; "": the request was on
	// the route of none.
	Method string
	// Route is its route, such as "GET /v1/orders/{id}".
	Route string
	// Status is that of the response; 0: it was broken off before it began.
	Status int
	// Policy is the block that refused, such as "rate_limits"; "": no block did, but
	// the gateway itself, as for want of a route.
	Policy string
	// Reason is the one that the client reads, or would have; "": which one is not known.
	Reason string
	// Limit is the rate limit that refused.
	Limit string
	// Would is the word of shadow mode, such as "refuse"; "": the request was refused.
	Would string
	// RequestID is the one that the client got.
	RequestID string
	// TraceID is that of a trace that can be found.
	TraceID string
	// UserHash is who sent it, as the access log has it; User is the subject, where that
	// shows names.
	UserHash, User string
}

// Refusals remembers the last requests that were refused: some of each block of each
// RPC, so that no flood hides what else is refused. It is safe for concurrent use.
type Refusals struct {
	of *table[refuser, *lastRefusals]
}

// refuser is what refusals are remembered by.
type refuser struct {
	method, policy string
	shadow         bool
}

// lastRefusals are those of one refuser.
type lastRefusals struct {
	rate    perSecond
	leftOut atomic.Int64

	mu     sync.Mutex
	kept   []RefusedRequest // a ring
	oldest int              // which of it is the oldest, once it is full
}

// NewRefusals returns one that remembers nothing yet.
func NewRefusals() *Refusals {
	return &Refusals{&table[refuser, *lastRefusals]{
		make: func(refuser) *lastRefusals { return &lastRefusals{} },
		most: maxRefusers,
		full: &lastRefusals{},
	}}
}

// room returns where a refusal may be remembered, or nil where there were enough in
// this second.
func (r *Refusals) room(by refuser, now time.Time) *lastRefusals {
	last := r.of.of(by)
	if last.rate.take(now, refusalsPerSecond) {
		return last
	}
	last.leftOut.Add(1)
	return nil
}

// keep remembers a refusal in place of the oldest one.
func (l *lastRefusals) keep(one RefusedRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) < refusalsKept {
		l.kept = append(l.kept, one)
		return
	}
	l.kept[l.oldest] = one
	l.oldest = (l.oldest + 1) % refusalsKept
}

// Last returns what is remembered of the RPCs that are selected, the newest first
// and at most so many, and how many refusals of theirs were too many in their second
// to be remembered. Nil selects all.
func (r *Refusals) Last(most int, selected func(method string) bool) (last []RefusedRequest, leftOut int64) {
	collect := func(l *lastRefusals) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, one := range l.kept {
			if selected == nil || selected(one.Method) {
				last = append(last, one)
			}
		}
	}
	for by, one := range r.of.all() {
		if selected == nil || selected(by.method) {
			collect(one)
			leftOut += one.leftOut.Load()
		}
	}
	collect(r.of.full)
	slices.SortFunc(last, func(a, b RefusedRequest) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(a.RequestID, b.RequestID), strings.Compare(a.Policy, b.Policy))
	})
	return last[:min(len(last), most)], leftOut + r.of.full.leftOut.Load()
}
