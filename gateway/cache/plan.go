package cache

import (
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// plan says how an answer is stored.
type plan struct {
	rfc9111.Freshness
	selectors []rfc9111.Selector
	status    int
	public    bool
}

// plan decides whether an answer may be stored (RFC 9111, section 3). asked is
// when the upstream was: the age of an answer counts from there (section 4.2.3).
func (h *handler) plan(r *http.Request, status int, answer http.Header, asked time.Time) (p plan, ok bool) {
	d := rfc9111.ParseDirectives(answer)
	names, bounded := rfc9111.VaryNames(h.vary, answer)
	switch {
	case h.ttl(status) == 0, !bounded,
		!rfc9111.MayStore(answer, d),
		!h.mayShare(r, answer, d),
		h.tooLarge(r, answer, names):
		return plan{}, false
	}
	born := rfc9111.Born(answer, asked)
	lifetime := rfc9111.Lifetime(answer, d, asked, h.ttl(status))
	p = plan{selectors: rfc9111.Selectors(r.Header, names), status: status}
	p.Born, p.Lifetime = born, h.store.jitter(lifetime, asked.Sub(born))
	if !rfc9111.IsNegative(status) {
		p.StaleWhileRevalidate = d.StaleWindow(h.rule.Policy.StaleWhileRevalidate, d.StaleWhileRevalidate)
		p.StaleIfError = d.StaleWindow(h.rule.Policy.StaleIfError, d.StaleIfError)
		p.MayBeStale, p.public = d.MayBeStale(), d.Public
	}
	return p, p.Lifetime > time.Since(p.Born)
}
