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

// mayBeStale reports whether an answer with these directives does not forbid to
// serve it stale (RFC 9111, section 4.2.4).
func (d directives) mayBeStale() bool {
	return !d.mustRevalidate && !d.proxyRevalidate && d.sharedMaxAge == absent
}

// window is how long after its lifetime an answer may be served: as the policy
// says, less where the answer says so, and never where it forbids that.
func (d directives) window(policy, answer time.Duration) time.Duration {
	switch {
	case !d.mayBeStale():
		return 0
	case answer != absent:
		return min(answer, policy)
	}
	return policy
}

// grace is how long an answer may stand in for a failure.
func (h *handler) grace(d directives) time.Duration {
	return d.window(h.rule.Policy.StaleIfError, d.staleIfError)
}

// refreshWindow is how long an answer may be served while it is fetched anew.
func (h *handler) refreshWindow(d directives) time.Duration {
	return d.window(h.rule.Policy.StaleWhileRevalidate, d.staleRefresh)
}

// standsIn reports whether a stale answer may be served now to a request with
// these directives.
func (h *handler) standsIn(v *variant, d directives, now time.Time) bool {
	return v.age(now) < v.lifetime+v.grace && v.allowedBy(d, now) && h.store.tags.current(v.stamps) &&
		h.store.trusts(v.stamps, now)
}

// keep remembers the newest stale answer.
func (l *lookup) keep(v *variant) {
	if l.stale == nil {
		l.stale = v
	}
}

// replaced reports whether the stale answer stands in for one of this status. A
// status that withdraws it removes it, unless it may be about the one caller.
func (f *fill) replaced(status int) bool {
	if f.stale == nil {
		return false
	}
	if withdraws(status) && !f.handler.isForCaller(f.request) {
		f.handler.store.drop(f.key, f.stale)
		f.second.release(true)
	}
	return isFailure(status) && f.handler.standsIn(f.stale, f.directives, time.Now())
}

// serveStale answers all who wait for f with the stale answer.
func (f *fill) serveStale(w http.ResponseWriter, status int) {
	if f.flight != nil {
		f.handler.store.flights.fail(f.flight, f.stale, status)
	}
	f.outcome = Stale
	f.handler.serveStale(w, f.request, f.stale, status, "")
}

func (h *handler) serveStale(w http.ResponseWriter, r *http.Request, v *variant, status int, param string) {
	h.serve(w, r, v, statusFailed+strconv.Itoa(status)+param+paramStandsIn, true, time.Now())
}

// shareStale serves what stood in for the failure of a flight.
func (h *handler) shareStale(w http.ResponseWriter, r *http.Request, l *lookup, f *flight) bool {
	if !selected(r, f.answer.selectors) || !h.standsIn(f.answer, l.directives, time.Now()) {
		return false
	}
	h.observe(r, Stale)
	h.serveStale(w, r, f.answer, f.failed, paramCollapsed)
	return true
}

// fail ends a flight whose upstream failed with a stale answer.
func (fs *flights) fail(f *flight, standIn *variant, status int) {
	fs.mu.Lock()
	f.failed = status
	fs.mu.Unlock()
	fs.land(f, standIn, false)
}
