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
	refuted   bool // the upstream has sent 304 for another version: no condition again
	stored    bool // the response is
	told      told
}

// condition is how the upstream is asked whether the stale response still holds.
type condition int

const (
	unconditional condition = iota
	byDate
	byETag
)

// storeResponse stores a whole response and lands the flight. It reports false
// where the response was purged since it was requested, is too large or came behind
// a newer one.
func (x *exchange) storeResponse(v *memory.Response) bool {
	if rfc9111.IsNegative(v.Status) && x.rule.Policy.NegativeTTL > 0 {
		v.Failure = x.told.failure
	}
	switch {
	case v.Weight() > x.store.opts.MaxEntryBytes:
		x.event(x.request, ResponseTooLarge)
		x.supersede(v.Status)
		x.land(flight.Outcome{})
		return false
	case !x.store.tags.Current(x.stamps):
		x.land(flight.Outcome{Purged: true})
		return false
	}
	newest := x.store.memory.Put(x.variant(x.request, x.key), v, x.request.Header)
	if newest == v {
		x.store.unshared.Clear(x.crowd(x.request, x.key))
		x.level2.share(v)
	}
	x.land(flight.Outcome{Response: newest})
	x.stored = newest != nil
	return newest == v
}

// land tells those who wait. Only the first call counts.
func (x *exchange) land(outcome flight.Outcome) {
	x.level2.release()
	if x.flight != nil {
		x.store.flights.Land(x.flight, outcome)
	}
}

// supersede forgets what is stored, here and in level 2: a response of this status
// takes its place and is not stored itself. It must not be served any more, be it
// as a hit or in place of a failure. A response that may be about its caller alone
// says nothing to others.
func (x *exchange) supersede(status int) {
	if !x.isOfResource(status) || x.audience.isPersonal(x.request) {
		return
	}
	before := x.store.memory.Supersede(x.variant(x.request, x.key), x.request.Header, x.requested)
	x.level2.supersede(x.requested, before)
}

// unshare has those who come next not wait for each other: the response of this
// status is none that one could fetch for all, and not for want of the one request.
func (x *exchange) unshare(status int) {
	if x.isOfResource(status) {
		x.store.unshared.Set(x.crowd(x.request, x.key), time.Now())
	}
}

// failed reports whether the stale response is served in place of one of this
// status: the newest that there is by now.
func (x *exchange) failed(status int) bool {
	if x.stale == nil || !rfc9111.IsFailure(status) {
		return false
	}
	x.stale = x.store.memory.Newest(x.key, x.stale, x.request.Header)
	return staleness{x.route}.inPlaceOfError(x.request, x.key, x.stale, x.directives, time.Now())
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
