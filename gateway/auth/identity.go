package auth

import (
	"time"
)

// What gateways say of callers to upstreams, as package identity writes it.
const (
	// IdentityKey is the metadata of a call that holds the gateway's token.
	IdentityKey = "x-venta-identity"
	// IdentityType is the token's "typ" (RFC 8725, section 3.11): no token of another
	// kind is taken for one.
	IdentityType = "venta-identity+jwt"
	// IdentityClaim is the claim that says what has no registered claim.
	IdentityClaim = "venta"
	// DefaultIdentityIssuer is the issuer of gateways that are not told another.
	DefaultIdentityIssuer = "venta"
)

// The members of [IdentityClaim].
const (
	IdentityScheme = "scheme" // the kind of credentials
	IdentityOrigin = "issuer" // who vouches for the subject
	IdentityKeyID  = "key_id" // the API key's id
	IdentityClaims = "claims" // the chosen claims, by name
)

// IdentityOptions say which gateways' word is taken.
type IdentityOptions struct {
	// Audience is the service itself, as the gateway names it: the upstream's name in its
	// configuration. Required.
	Audience string
	// Keys are the gateways' keys: [RemoteKeys] of the admin address, [StaticKeys] of a
	// file, or the gateway's own in one process. Required.
	Keys KeySource
	// Issuer is what gateways call themselves. Default [DefaultIdentityIssuer].
	Issuer string
	// Leeway is how far clocks may be apart. Default 30 s, at most 5 min.
	Leeway time.Duration
}

// NewIdentityVerifier returns a verifier of the tokens that gateways send in
// [IdentityKey]. Its principals are the callers that the gateway has verified, with
// the scheme and the issuer of the credentials that they have presented.
func NewIdentityVerifier(o IdentityOptions) (*JWT, error) {
	if o.Issuer == "" {
		o.Issuer = DefaultIdentityIssuer
	}
	v, err := NewJWT(JWTOptions{KeySource: o.Keys, Issuer: o.Issuer, Audience: o.Audience, Leeway: o.Leeway})
	if err != nil {
		return nil, err
	}
	v.typ, v.identity = IdentityType, true
	return v, nil
}

// identified returns whom a gateway's token speaks of.
func identified(p Principal) (Principal, error) {
	said, ok := p.claims[IdentityClaim].(map[string]any)
	scheme, schemeOK := said[IdentityScheme].(string)
	if !ok || !schemeOK {
		return Principal{}, invalid("the token does not say how the caller was verified", nil)
	}
	p.scheme = scheme
	p.issuer, _ = said[IdentityOrigin].(string)
	p.keyID, _ = said[IdentityKeyID].(string)
	p.claims, _ = said[IdentityClaims].(map[string]any)
	return p, nil
}
