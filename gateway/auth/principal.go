package auth

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/venta-hq/venta/gateway/requestctx"
)

// Principal is who a verified token speaks for. It cannot be changed once it is
// made, so it may be shared between goroutines. The zero value is nobody.
type Principal struct {
	// Subject is the token's "sub": the caller's id at the issuer.
	Subject string
	// Expires is when the token ends ("exp"). Connections that outlive a request
	// end then at the latest.
	Expires time.Time

	scopes, roles  []string
	claims         map[string]any
	keyID          string
	scheme, issuer string
	known          *fingerprint // nil: it is found anew each time
}

// The schemes of [Principal.Scheme] that the gateway itself verifies.
const (
	SchemeBearer = "bearer"
	SchemeAPIKey = "api-key"
	// SchemeWebhook is of who has delivered what the gateway has verified. The subject
	// is the name of the secret.
	SchemeWebhook = "webhook"
)

// NewPrincipal returns a principal with the given scopes and roles, for tests
// and for callers inside the process that need no token.
func NewPrincipal(subject string, scopes, roles []string) Principal {
	return Principal{Subject: subject, scopes: slices.Clone(scopes), roles: slices.Clone(roles), known: &fingerprint{}}
}

// WithClaims returns the principal with other claims, as encoding/json decodes
// them. The map must not be changed afterwards. It is for verifiers of a program's
// own.
func (p Principal) WithClaims(claims map[string]any) Principal {
	p.claims, p.known = claims, &fingerprint{}
	return p
}

// WithKeyID returns the principal as one that presented the API key of that id.
// Limits by API key count by it.
func (p Principal) WithKeyID(id string) Principal {
	p.keyID, p.known = id, &fingerprint{}
	return p
}

// WithScheme returns the principal as one that presented credentials of another
// kind, such as "mtls". Without it a verifier's principal is of the scheme that
// the verifier was asked about.
func (p Principal) WithScheme(scheme string) Principal {
	p.scheme, p.known = scheme, &fingerprint{}
	return p
}

// WithIssuer returns the principal as one that somebody else vouches for.
func (p Principal) WithIssuer(issuer string) Principal {
	p.issuer, p.known = issuer, &fingerprint{}
	return p
}

// Scheme returns the kind of credentials that the caller presented: [SchemeBearer],
// [SchemeAPIKey], a verifier's own, or "" where nobody has said.
func (p Principal) Scheme() string { return p.scheme }

// Issuer returns who vouches for the subject: a token's "iss", or "" for an API key.
func (p Principal) Issuer() string { return p.issuer }

// Scopes returns a copy of the token's "scope" (RFC 8693, section 4.2).
func (p Principal) Scopes() []string { return slices.Clone(p.scopes) }

// Roles returns a copy of the token's "roles" (RFC 9068, section 2.2.3.1).
func (p Principal) Roles() []string { return slices.Clone(p.roles) }

// HasScope reports whether the token holds the scope.
func (p Principal) HasScope(scope string) bool { return slices.Contains(p.scopes, scope) }

// HasRole reports whether the token holds the role.
func (p Principal) HasRole(role string) bool { return slices.Contains(p.roles, role) }

// Claim returns the text of another claim, and whether the token holds it as a
// string.
func (p Principal) Claim(name string) (string, bool) {
	value, ok := p.claims[name].(string)
	return value, ok
}

// Claims returns the texts of a claim that is a string or a list of strings, or
// nil.
func (p Principal) Claims(name string) []string {
	values, _ := texts(p.claims[name])
	return values
}

// ClaimValue returns a claim as encoding/json decodes it; nil where there is none.
// It must not be changed.
func (p Principal) ClaimValue(name string) any { return p.claims[name] }

// KeyID returns the id of the API key that the caller presented, or "" for one
// with a token.
func (p Principal) KeyID() string { return p.keyID }

type principalKey struct{}

// NewContext returns a context that carries the principal.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, &p)
}

// WithPrincipal returns a request whose principal is p, for steps that verify
// credentials of another kind. p must not be changed afterwards.
func WithPrincipal(r *http.Request, p *Principal) *http.Request {
	return requestctx.With(r, principalKey{}, p)
}

// FromContext returns the principal of the request, or false for an anonymous
// one.
func FromContext(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(*Principal)
	if !ok {
		return Principal{}, false
	}
	return *p, true
}

// withScheme names the kind of credentials that a verifier has left open.
func withScheme(p *Principal, err error, scheme string) (*Principal, error) {
	if err != nil || p.scheme != "" {
		return p, err
	}
	named := p.WithScheme(scheme)
	return &named, nil
}
