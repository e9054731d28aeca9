package telemetry

import (
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
)

const (
	// maxAttempts is how many attempts of one request are kept: more than a policy
	// can have.
	maxAttempts = 16
	// maxEvents bounds the events of one request but for the cache's outcome and the
	// refusal, of which it has one each.
	maxEvents = 32
)

// record is all that is known of one request. Its steps fill it (see tell.go), and
// takes nothing once it is closed: from then on [Ended] reads it, for the line of the
// access log, for the span, be it made in time or afterwards, and for
// [Options.OnRequest]. It is safe for concurrent use, as hedged attempts need it.
//
// It is part of what is allocated for the request, and bounded: see
// TestRecordIsSmall. Times count from the request's start.
type record struct {
	start time.Time
	keeps bool // somebody reads events and attempts

	address             atomic.Pointer[string] // of the last attempt
	requests, responses atomic.Int64           // messages of a stream

	mu      sync.Mutex
	closed  bool
	calls   callTimes
	queued  time.Duration
	caller  Caller
	cache   cacheOutcome
	limit   string // the rate limit that has refused
	failure failure
	events  []event
	tooMany int // events that there was no room for
}

// callTimes are the attempts of the request's calls.
type callTimes struct {
	stream bool
	alone  bool // no attempt was under way beside another since one was
	begun  int
	under  int           // attempts now
	since  time.Duration // when the first of them began
	took   time.Duration // of those that are over; at the same time counts once
	ended  time.Duration // when the last attempt ended
	first  attemptRecord
	more   []attemptRecord
}

// attemptRecord is one attempt of a call that has ended.
type attemptRecord struct {
	call    call
	start   time.Duration
	took    time.Duration
	address *string // nil: not known, or of which of several at once
}

// Caller is who a request was authenticated as.
type Caller struct{ Issuer, Subject string }

type cacheOutcome struct {
	text string
	at   time.Duration
}

// change changes the record of a request that is not over. It does nothing on nil.
func (r *record) change(by func(*record)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		by(r)
	}
}

// now returns the time since the request's start.
func (r *record) now() time.Duration { return time.Since(r.start) }

// Reached implements requestctx.Calls.
func (r *record) Reached(address *string) { r.address.Store(address) }

// begin begins an attempt, and end ends it.
func (r *record) begin(now time.Time, stream bool) {
	r.change(func(r *record) {
		c := &r.calls
		c.stream = c.stream || stream
		c.begun++
		c.under++
		c.alone = c.under == 1
		if c.alone {
			c.since = now.Sub(r.start)
			r.address.Store(nil)
		}
	})
}

// end ends what begin began, and returns the attempt's address, if that is known.
func (r *record) end(attempt call, start, now time.Time) (address *string) {
	r.change(func(r *record) {
		c := &r.calls
		if c.alone {
			address = r.address.Load()
		}
		if c.under--; c.under == 0 {
			c.ended = now.Sub(r.start)
			c.took += c.ended - c.since
		}
		if r.keeps {
			c.keep(attemptRecord{attempt, start.Sub(r.start), now.Sub(start), address})
		}
	})
	return address
}

func (c *callTimes) keep(one attemptRecord) {
	switch {
	case c.first.call.method == "":
		c.first = one
	case len(c.more) < maxAttempts-1:
		c.more = append(c.more, one)
	}
}

// all returns the attempts that were kept.
func (c *callTimes) all() []attemptRecord {
	if c.first.call.method == "" {
		return nil
	}
	return append([]attemptRecord{c.first}, c.more...)
}

// sent and received count messages of a stream.
func (r *record) sent() {
	if r != nil {
		r.requests.Add(1)
	}
}

func (r *record) received() {
	if r != nil {
		r.responses.Add(1)
	}
}

// note keeps an event, if somebody reads it.
func (r *record) note(e event) {
	if !r.keeps {
		return
	}
	r.change(func(r *record) {
		if len(r.events) >= maxEvents {
			r.tooMany++
			return
		}
		e.at = r.now()
		r.events = append(r.events, e)
	})
}

// close has the record take nothing more: it can be read without its lock from then
// on.
func (r *record) close(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.calls.under > 0 {
		r.calls.took += now.Sub(r.start) - r.calls.since
	}
}

// streamFailed reports whether a stream ended with a server's error, which the
// response's status does not say. The record must be closed.
func (r *record) streamFailed() bool { return r.calls.stream && serverError(r.failure.code) }

// serverError reports whether a code is the server's fault, by the semantic
// conventions for RPC.
func serverError(code codes.Code) bool {
	switch code {
	case codes.Unknown, codes.DeadlineExceeded, codes.Unimplemented, codes.Internal, codes.Unavailable, codes.DataLoss:
		return true
	default:
		return false
	}
}
