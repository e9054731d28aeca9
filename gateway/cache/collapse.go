package cache

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/cache/internal/flight"
	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// maxWaits is how many flights of others one request waits for before it calls
// the upstream by itself: a second one only where the first brought another
// variant or was purged.
const maxWaits = 2

// collapser lets one request fetch what several wait for.
type collapser struct {
	*route
	finder  finder
	fetcher fetcher
}

// collapse shares the response of a flight that is open or leads one. A request
// that others could not use the response of, or that must not use theirs, goes
// alone.
func (c collapser) collapse(w http.ResponseWriter, r *http.Request, l *lookup) {
	if c.goesAlone(r, l.directives) || c.unshared(r, l) {
		c.fetcher.fetch(w, r, l, nil, "")
		return
	}
	flights := c.store.flights
	for range maxWaits {
		k := memory.Variant{Key: l.key, Vary: rfc9111.VaryKey(r.Header, l.vary)}
		stamps := c.store.tags.Stamp(l.tags)
		f, leader := flights.Join(k, stamps, c.store.joinable(stamps, time.Now()))
		if leader {
			c.lead(w, r, l, f)
			return
		}
		if err := flights.Wait(r.Context(), f); err != nil {
			c.refuse(w, r, waitError(r.Context(), err))
			return
		}
		if c.share(w, r, l, f.Outcome()) {
			return
		}
		if !l.mayJoinAgain(r, f.Outcome()) {
			break
		}
	}
	c.fetcher.fetch(w, r, l, nil, paramUncollapsed)
}

// goesAlone reports whether a request neither leads a flight nor joins one: it
// asks for a response that is newer than itself, gets one that is for it alone,
// or bounds the call by itself, which others must not be bound by.
func (c collapser) goesAlone(r *http.Request, d rfc9111.Directives) bool {
	return d.NoCache || d.MaxAge == 0 || len(r.Header["Grpc-Timeout"]) > 0 || c.audience.isCredentialed(r)
}

// unsharedFor is how long the requests for a response that could not be stored go
// alone: as long again with each such response.
const unsharedFor = 30 * time.Second

// unshared reports whether one request could fetch for none but itself, so that
// others would wait for nothing: the last response could not be stored, or each
// request must ask the origin.
func (c collapser) unshared(r *http.Request, l *lookup) bool {
	return l.stale != nil && l.stale.Validate || time.Since(c.store.unshared.At(c.crowd(r, l.key))) < unsharedFor
}

// lead fetches for all who wait for f, unless another flight has landed between
// this request's lookup and its own flight.
func (c collapser) lead(w http.ResponseWriter, r *http.Request, l *lookup, f *flight.Flight) {
	now := time.Now()
	again := lookup{key: l.key, directives: l.directives}
	v := c.finder.find(r, &again, now)
	if v == nil {
		c.fetcher.fetch(w, r, l, f, "")
		return
	}
	c.store.flights.Land(f, flight.Outcome{Response: v})
	c.report(r, Hit)
	responder{c.route}.serveStored(w, r, l.key, v, statusHit, now)
}

// share serves what a flight has brought, if this request may use it. It need
// not be fresh: it came after the request did.
func (c collapser) share(w http.ResponseWriter, r *http.Request, l *lookup, landed flight.Outcome) bool {
	v, now := landed.Response, time.Now()
	if v == nil || v.Validate || !rfc9111.Selected(r.Header, v.Selectors) {
		return false
	}
	if landed.Failed != 0 {
		if !(staleness{c.route}).inPlaceOfError(r, l.key, v, l.directives, now) {
			return false
		}
		c.report(r, Stale)
		responder{c.route}.serveStale(w, r, v, landed.Failed, paramCollapsed)
		return true
	}
	if !v.AllowedBy(l.directives, now) {
		return false
	}
	c.report(r, Collapsed)
	responder{c.route}.serve(w, r, v, statusForward+l.why+paramCollapsed, false, now)
	return true
}

// mayJoinAgain reports whether another flight may bring what this one did not: it
// was purged, or brought another variant, which says what to tell apart.
func (l *lookup) mayJoinAgain(r *http.Request, landed flight.Outcome) bool {
	if landed.Response == nil {
		return landed.Purged
	}
	l.vary = rfc9111.SelectorNames(landed.Response.Selectors)
	return !rfc9111.Selected(r.Header, landed.Response.Selectors)
}

// waitError says that a request ended while it waited for the response to another.
func waitError(ctx context.Context, cause error) error {
	return &apierror.Error{
		Code:    status.FromContextError(ctx.Err()).Code(),
		Reason:  apierror.TimeoutExceeded,
		Message: "the request ended before its response came",
		Cause:   fmt.Errorf("waiting for the same response: %w", cause),
	}
}
