package cache

import (
	"net/http"
	"slices"

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

// mayStore applies RFC 9111, section 3.5, to requests with credentials. One with
// cookies is stored where the answer itself has a lifetime or varies on them:
// the rule's lifetime alone is no word about sessions.
func (h *handler) mayStore(r *http.Request, answer http.Header, d directives) bool {
	if h.audienceStated() || d.public || d.mustRevalidate || d.sharedMaxAge != absent {
		return true
	}
	if h.authenticated(r) {
		return false
	}
	names, _ := varyNames(nil, answer)
	return !h.cookied(r) || d.maxAge != absent || len(answer["Expires"]) > 0 || slices.Contains(names, "Cookie")
}
