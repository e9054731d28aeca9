package cache

import (
	"context"
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/flight"
	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// exchange is one fetch, and what becomes of its response.
type exchange struct {
	*route
	lookup
	request *http.Request // the client's
	ctx     context.Context
	stamps  []memory.Stamp
	flight  *flight.Flight // nil: nobody waits for it
	level2  *level2

	status    string // the Cache-Status so far
	outcome   Outcome
	requested time.Time // when the upstream was called
	condition condition
	refuted   bool  // the upstream has sent 304 for another version: no condition again
	stored    bool  // the response is
	failure   error // what RememberError was told
}

// condition is how the upstream is asked whether the stale response still holds.
type condition int

const (
	unconditional condition = iota
	byDate
	byETag
)

// storeResponse stores a whole response and lands the flight. It reports false
// where the response was purged since it was requested, or is too large.
func (x *exchange) storeResponse(v *memory.Response) bool {
	if rfc9111.IsNegative(v.Status) {
		v.Failure = x.failure
	}
	switch {
	case v.Weight() > x.store.opts.MaxEntryBytes:
		x.event(x.request, ResponseTooLarge)
		x.land(flight.Outcome{})
	case !x.store.tags.Current(x.stamps):
		x.land(flight.Outcome{Purged: true})
	default:
		x.store.memory.Put(x.key, v)
		x.level2.share(v)
		x.land(flight.Outcome{Response: v})
		x.stored = true
		return true
	}
	return false
}

// land tells those who wait. Only the first call counts.
func (x *exchange) land(outcome flight.Outcome) {
	x.level2.release(false)
	if x.flight != nil {
		x.store.flights.Land(x.flight, outcome)
	}
}

// withdraw forgets the stale response, here and in level 2: it no longer holds.
func (x *exchange) withdraw() {
	x.store.memory.Drop(x.key, x.stale)
	x.level2.release(true)
}

// failed reports whether the stale response is served in place of one of this
// status. A status that withdraws it removes it, unless it may be about the one
// caller.
func (x *exchange) failed(status int) bool {
	if x.stale == nil {
		return false
	}
	if rfc9111.Withdraws(status) && !x.audience.isPersonal(x.request) {
		x.withdraw()
	}
	return rfc9111.IsFailure(status) && staleness{x.route}.inPlaceOfError(x.stale, x.directives, time.Now())
}

// serveStale serves the stale response to all who wait, in place of one of this
// status.
func (x *exchange) serveStale(w http.ResponseWriter, status int) {
	if x.flight != nil {
		x.store.flights.Land(x.flight, flight.Outcome{Response: x.stale, Failed: status})
	}
	x.outcome = Stale
	responder{x.route}.serveStale(w, x.request, x.stale, status, "")
}
