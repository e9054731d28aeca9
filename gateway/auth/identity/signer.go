package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/venta-hq/venta/gateway/auth"
)

// How long tokens last.
const (
	MinLifetime = 5 * time.Second
	MaxLifetime = time.Minute
)

// keysFresh is for how long a service need not ask for the keys again.
const keysFresh = 5 * time.Minute

// SignerOptions say how tokens are signed. The zero value signs with keys of its own.
type SignerOptions struct {
	// Issuer is the tokens' "iss". Default [auth.DefaultIdentityIssuer].
	Issuer string
	// Lifetime is how long a token lasts. Default and most 1 min; from 5 s. One does not
	// outlast the caller's own credentials.
	Lifetime time.Duration
	// Keys are the keys of a fleet, 1 to 16: the first signs, the public parts of all are
	// published. To rotate, add the next key at the end, and some minutes later put it in front.
	// Nil: keys of this process, which rotate by themselves.
	Keys jwk.Set
	// RotateEvery is how long a key of this process signs. Default 24 h, at least
	// 10 min.
	RotateEvery time.Duration
}

// Signer signs tokens with keys that rotate. It is an [auth.KeySource] for services in
// its own process, and serves its public keys to others. It is safe for concurrent use.
type Signer struct {
	issuer   string
	lifetime time.Duration

	mu   sync.Mutex
	keys *ring
}

// NewSigner returns a signer, or an error that says which option is wrong.
func NewSigner(o SignerOptions) (*Signer, error) {
	if o.Issuer == "" {
		o.Issuer = auth.DefaultIdentityIssuer
	}
	if o.Lifetime == 0 {
		o.Lifetime = MaxLifetime
	}
	if o.Lifetime < MinLifetime || o.Lifetime > MaxLifetime {
		return nil, fmt.Errorf("identity: a lifetime of %s is not between %s and %s", o.Lifetime, MinLifetime, MaxLifetime)
	}
	if o.RotateEvery == 0 {
		o.RotateEvery = defaultRotation
	}
	if o.RotateEvery < minRotation {
		return nil, fmt.Errorf("identity: keys that rotate every %s; give them at least %s", o.RotateEvery, minRotation)
	}
	keys, err := newRing(o.Keys, o.RotateEvery, time.Now())
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return &Signer{issuer: o.Issuer, lifetime: o.Lifetime, keys: keys}, nil
}

// SetKeys has the next tokens signed with other keys of a fleet; see
// [SignerOptions].Keys. Where they are wrong, the former stay.
func (s *Signer) SetKeys(keys jwk.Set) error {
	next, err := newRing(keys, 0, time.Now())
	if err != nil {
		return fmt.Errorf("identity: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = next
	return nil
}

// sign returns a token that tells the audience who the caller is, and when it ends.
func (s *Signer) sign(p *auth.Principal, names []string, audience string, now time.Time) (string, time.Time, error) {
	expires := now.Add(s.lifetime).Truncate(time.Second)
	if !p.Expires.IsZero() && p.Expires.Before(expires) {
		expires = p.Expires.Truncate(time.Second)
	}
	payload, err := json.Marshal(s.claims(p, names, audience, now, expires))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("the claims have no form in JSON: %w", err)
	}
	key, err := s.signing(now)
	if err != nil {
		return "", time.Time{}, err
	}
	header := jws.NewHeaders()
	if err := header.Set(jws.TypeKey, auth.IdentityType); err != nil {
		return "", time.Time{}, err
	}
	token, err := jws.Sign(payload, jws.WithKey(key.alg, key.private, jws.WithProtectedHeaders(header)))
	return string(token), expires, err
}

func (s *Signer) claims(p *auth.Principal, names []string, audience string, now, expires time.Time) map[string]any {
	said := map[string]any{auth.IdentityScheme: p.Scheme()}
	if p.Issuer() != "" {
		said[auth.IdentityOrigin] = p.Issuer()
	}
	if p.KeyID() != "" {
		said[auth.IdentityKeyID] = p.KeyID()
	}
	if claims := chosen(p, names); len(claims) > 0 {
		said[auth.IdentityClaims] = claims
	}
	all := map[string]any{
		"iss": s.issuer, "aud": audience, "sub": p.Subject, "iat": now.Unix(), "exp": expires.Unix(), auth.IdentityClaim: said,
	}
	if scopes := p.Scopes(); len(scopes) > 0 {
		all["scope"] = strings.Join(scopes, " ")
	}
	if roles := p.Roles(); len(roles) > 0 {
		all["roles"] = roles
	}
	return all
}

func (s *Signer) signing(now time.Time) (signingKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.keys.advance(now)
	return s.keys.current, err
}

// Keys implements [auth.KeySource]: the public keys of now.
func (s *Signer) Keys(context.Context, bool) (jwk.Set, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.keys.advance(time.Now())
	return s.keys.public, err
}

// ServeHTTP serves the public keys as a JSON Web Key Set (RFC 7517).
func (s *Signer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	keys, err := s.Keys(r.Context(), false)
	var text []byte
	if err == nil {
		text, err = json.Marshal(keys)
	}
	if err != nil {
		http.Error(w, "the keys are not available", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(keysFresh/time.Second)))
	_, _ = w.Write(text) // a client that left is no fault
}
