package cache

import (
	"net/http"
	"slices"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/policy"
)

// audienceStated reports whether the method's author said who shares an answer
// to a request with credentials.
func (h *handler) audienceStated() bool {
	return h.rule.AuthRequired || h.rule.Policy.Audience == policy.AudiencePrincipal
}

// authenticated reports whether the upstream may know who asks, by what
// RFC 9111, section 3.5, names or what the gateway has found out.
func (h *handler) authenticated(r *http.Request) bool {
	return len(r.Header["Authorization"]) > 0 ||
		r.TLS != nil && len(r.TLS.PeerCertificates) > 0 ||
		h.rule.Principal != nil && h.rule.Principal(r) != ""
}

// cookied reports whether the request has cookies, which no key holds. They may
// be a session's or nobody's: only the upstream knows.
func (h *handler) cookied(r *http.Request) bool {
	return len(r.Header["Cookie"]) > 0 && !slices.Contains(h.vary, "Cookie")
}

// isForCaller reports whether what is answered to the request may be about its
// caller alone: it may have credentials, and nobody has said who shares the
// answer.
func (h *handler) isForCaller(r *http.Request) bool {
	return !h.audienceStated() && (h.authenticated(r) || h.cookied(r))
}

// mayShare applies RFC 9111, section 3.5, to requests with credentials. One with
// cookies is stored where the answer itself has a lifetime or varies on them:
// the rule's lifetime alone is no word about sessions.
func (h *handler) mayShare(r *http.Request, answer http.Header, d rfc9111.Directives) bool {
	if h.audienceStated() || rfc9111.MayShare(d) {
		return true
	}
	if h.authenticated(r) {
		return false
	}
	names, _ := rfc9111.VaryNames(nil, answer)
	return !h.cookied(r) || rfc9111.HasLifetime(answer, d) || slices.Contains(names, "Cookie")
}
