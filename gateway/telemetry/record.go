package telemetry

import (
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

const (
	// maxAttempts is how many attempts of one request are kept: more than a policy
	// can have.
	maxAttempts = 16
	// maxEvents bounds the events of one request, kept or on its span.
	maxEvents = 32
)

// record is what is kept of a request until it is over. Its zero value is empty. It
// is safe for concurrent use, as hedged attempts and refreshes in the background
// need it, and takes nothing once it was read.
type record struct {
	mu        sync.Mutex
	closed    bool
	broken    bool // its stream ended with a server's error
	first     attemptRecord
	more      []attemptRecord
	attempted int
	outcome   cacheOutcome
	kept      []event // but for the cache's outcome, which most requests have
	events    int     // all that there was room for
	tooMany   int     // events that there was none for
}

// attemptRecord is one attempt of a call that has ended.
type attemptRecord struct {
	call  call
	start time.Time
	took  time.Duration
}

type cacheOutcome struct {
	text string
	at   time.Time
}

// attempt keeps an attempt that has ended.
func (r *record) attempt(one attemptRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.attempted++
	switch {
	case r.attempted == 1:
		r.first = one
	case r.attempted <= maxAttempts:
		r.more = append(r.more, one)
	}
}

// room reports whether one more event may be told, and counts it.
func (r *record) room() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events >= maxEvents {
		r.tooMany++
		return false
	}
	r.events++
	return true
}

// keep keeps an event that there is room for.
func (r *record) keep(e event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.kept = append(r.kept, e)
	}
}

// keepOutcome keeps the cache's outcome, the last of several.
func (r *record) keepOutcome(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.outcome = cacheOutcome{text, time.Now()}
	}
}

// breakStream notes how a stream has ended.
func (r *record) breakStream(code codes.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = r.broken || serverError(code)
}

func (r *record) streamFailed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.broken
}

func (r *record) leftOut() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tooMany
}

// remembered is what was kept of a request.
type remembered struct {
	attempts  []attemptRecord
	attempted int // with those that there was no room for
	events    []event
}

// all returns what was kept, and keeps nothing more.
func (r *record) all() remembered {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	kept := remembered{attempted: r.attempted, events: r.kept}
	if r.attempted > 0 {
		kept.attempts = append([]attemptRecord{r.first}, r.more...)
	}
	if r.outcome.text != "" {
		kept.events = append(kept.events, cacheEventOf(r.outcome))
	}
	return kept
}

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
