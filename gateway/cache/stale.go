package cache

import (
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// staleness decides when a response that is no longer fresh is served.
type staleness struct{ *route }

// whileRefreshing returns the Cache-Status of a stale response that may be served
// at once, where the policy and the response (RFC 5861, section 3) or the client
// (max-stale; RFC 9111, section 5.2.1.2) allow that, or "".
func (s staleness) whileRefreshing(r *http.Request, l *lookup, now time.Time) string {
	v := l.stale
	switch {
	case v == nil, !v.MayBeStale, !v.AllowedBy(l.directives, now), !v.Public && s.audience.isPersonal(r):
		return ""
	case v.WhileRevalidating(now):
		return statusRevalidate
	case l.directives.MaxStale != rfc9111.Absent:
		return statusMaxStale
	}
	return ""
}

// inPlaceOfError reports whether a stale response that the request selects under a key
// may be served now, in place of a failure, to one with these directives (RFC 5861,
// section 4).
func (s staleness) inPlaceOfError(r *http.Request, k memory.Key, v *memory.Response, d rfc9111.Directives, now time.Time) bool {
	return v.InPlaceOfError(now) && !v.Validate && v.AllowedBy(d, now) &&
		s.store.usable(v, now) && !s.store.memory.Superseded(s.variant(r, k), v)
}
