package cache

import (
	"net/http"
	"strconv"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// The status of a stale answer that stands in for an upstream's failure:
// RFC 9211 allows no "hit" beside "fwd".
const (
	statusFailed  = "venta; fwd=stale; fwd-status="
	paramStandsIn = "; detail=stale-if-error"
)

// standsIn reports whether a stale answer may be served now to a request with
// these directives.
func (h *handler) standsIn(v *variant, d rfc9111.Directives, now time.Time) bool {
	return v.InPlaceOfError(now) && v.AllowedBy(d, now) && h.store.tags.current(v.stamps) &&
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
	if rfc9111.Withdraws(status) && !f.handler.isForCaller(f.request) {
		f.handler.store.drop(f.key, f.stale)
		f.second.release(true)
	}
	return rfc9111.IsFailure(status) && f.handler.standsIn(f.stale, f.directives, time.Now())
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
	if !rfc9111.Selected(r.Header, f.answer.selectors) || !h.standsIn(f.answer, l.directives, time.Now()) {
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
