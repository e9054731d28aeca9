package cache

import (
	"net/http"
	"slices"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/policy"
)

// audience says who may share the response to a request with credentials.
type audience struct {
	stated    bool // the method's author has said who
	principal func(*http.Request) string
	vary      []string
}

func newAudience(rule *Rule, vary []string) audience {
	return audience{
		stated:    rule.AuthRequired || rule.Policy.Audience == policy.AudiencePrincipal,
		principal: rule.Principal,
		vary:      vary,
	}
}

// authenticated reports whether the upstream may know whose request it is, by
// what RFC 9111, section 3.5, names or what the gateway has found out.
func (a *audience) authenticated(r *http.Request) bool {
	return len(r.Header["Authorization"]) > 0 ||
		r.TLS != nil && len(r.TLS.PeerCertificates) > 0 ||
		a.principal != nil && a.principal(r) != ""
}

// cookied reports whether the request has cookies, which no key holds. They may
// be a session's or nobody's: only the upstream knows.
func (a *audience) cookied(r *http.Request) bool {
	return len(r.Header["Cookie"]) > 0 && !slices.Contains(a.vary, "Cookie")
}

// isPersonal reports whether the response to the request may be about its caller
// alone: it may have credentials, and nobody has said who shares the response.
func (a *audience) isPersonal(r *http.Request) bool {
	return !a.stated && (a.authenticated(r) || a.cookied(r))
}

// isCredentialed is isPersonal without cookies.
func (a *audience) isCredentialed(r *http.Request) bool {
	return !a.stated && a.authenticated(r)
}

// mayShare applies RFC 9111, section 3.5, to requests with credentials. The
// response to one with cookies is stored where it has a lifetime of its own or
// varies on them: the rule's lifetime alone is no word about sessions.
func (a *audience) mayShare(r *http.Request, response http.Header, d rfc9111.Directives) bool {
	if a.stated || rfc9111.MayShare(d) {
		return true
	}
	if a.authenticated(r) {
		return false
	}
	names, _ := rfc9111.VaryNames(nil, response)
	return !a.cookied(r) || rfc9111.HasLifetime(response, d) || slices.Contains(names, "Cookie")
}
