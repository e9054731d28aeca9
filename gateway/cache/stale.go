package cache

import (
	"net/http"
	"strconv"
	"time"
)

// The status of a stale answer that stands in for an upstream's failure:
// RFC 9211 allows no "hit" beside "fwd".
const (
	statusFailed  = "venta; fwd=stale; fwd-status="
	paramStandsIn = "; detail=stale-if-error"
)

// isFailure reports whether a status says that there is no answer, for which
// RFC 5861, section 4, lets a stale one stand in. What is the client's own doing
// is none of them.
func isFailure(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// withdraws reports whether a status says that what was answered before no
// longer holds, or not for this caller: a failure after it must not bring it back.
func withdraws(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

// grace is how long after its lifetime an answer may stand in for a failure: as
// the policy says, less where the answer says so, and never where the answer
// forbids to serve it stale (RFC 9111, section 4.2.4).
func (h *handler) grace(d directives) time.Duration {
	longest := h.rule.Policy.StaleIfError
	switch {
	case d.mustRevalidate, d.proxyRevalidate, d.sharedMaxAge != absent:
		return 0
	case d.staleIfError != absent:
		return min(d.staleIfError, longest)
	}
	return longest
}

// standsIn reports whether a stale answer may be served now to a request with
// these directives.
func (h *handler) standsIn(v *variant, d directives, now time.Time) bool {
	return v.age(now) < v.lifetime+v.grace && v.allowedBy(d, now) && h.store.tags.current(v.stamps)
}

// keep remembers the newest stale answer for the case that the upstream fails.
func (l *lookup) keep(v *variant) {
	if l.fallback == nil && v.grace > 0 {
		l.fallback = v
	}
}

// replaced reports whether the stale answer stands in for one of this status. A
// status that withdraws it removes it.
func (f *fill) replaced(status int) bool {
	if f.fallback == nil {
		return false
	}
	if withdraws(status) {
		f.handler.store.entries.Invalidate(f.key)
	}
	return isFailure(status) && f.handler.standsIn(f.fallback, f.directives, time.Now())
}

// serveStale answers all who wait for f with the stale answer.
func (f *fill) serveStale(w http.ResponseWriter, status int) {
	if f.flight != nil {
		f.handler.store.flights.fail(f.flight, f.fallback, status)
	}
	f.outcome = Stale
	f.fallback.serveStale(w, f.request, status, "")
}

func (v *variant) serveStale(w http.ResponseWriter, r *http.Request, status int, param string) {
	v.serve(w, r, statusFailed+strconv.Itoa(status)+param+paramStandsIn, true, time.Now())
}

// shareStale serves what stood in for the failure of a flight.
func (h *handler) shareStale(w http.ResponseWriter, r *http.Request, l *lookup, f *flight) bool {
	if !selected(r, f.answer.selectors) || !h.standsIn(f.answer, l.directives, time.Now()) {
		return false
	}
	h.observe(r, Stale)
	f.answer.serveStale(w, r, f.failed, paramCollapsed)
	return true
}

// fail ends a flight whose upstream failed with a stale answer.
func (fs *flights) fail(f *flight, standIn *variant, status int) {
	fs.mu.Lock()
	f.failed = status
	fs.mu.Unlock()
	fs.land(f, standIn, false)
}
