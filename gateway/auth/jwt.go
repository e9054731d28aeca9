package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

const (
	maxTokenBytes = 8 << 10
	defaultLeeway = 30 * time.Second
	maxLeeway     = 5 * time.Minute
)

// JWTOptions says which tokens are believed.
type JWTOptions struct {
	// Keys are the issuer's keys, 1 to 64. Each must declare its algorithm, unless
	// Algorithms has one for it, and have an id where there are several. Keys for
	// other uses are left out. Private keys are taken for their public part. Required,
	// unless KeySource is given.
	Keys jwk.Set
	// KeySource returns such keys where they change, such as [RemoteKeys]. It
	// excludes Keys.
	KeySource KeySource
	// Issuer is what "iss" must be. Required.
	Issuer string
	// Audience is what "aud" must hold. Required.
	Audience string
	// TokenType is what "typ" of the token's header must be, such as "at+jwt" (RFC
	// 9068). Default: any.
	TokenType string
	// Algorithms are those of keys that declare none, such as "RS256": of them, those
	// that suit the kind of the key. Default: none.
	Algorithms []string
	// Leeway is how far clocks may be apart. Default 30 s, at most 5 min.
	Leeway time.Duration
}

// JWT verifies signed JSON Web Tokens (RFC 7519, RFC 8725): it is the [Verifier]
// of issuers whose keys are known. It is safe for concurrent use.
type JWT struct {
	keys   keyring
	typ    string // what the token's "typ" must be; "": it is not looked at
	issued expectation
	// identity tells that the token is a gateway's word on somebody else.
	identity bool
	memory   memory
}

// NewJWT returns a verifier, or an error that says which option is wrong.
func NewJWT(o JWTOptions) (*JWT, error) {
	if o.Issuer == "" || o.Audience == "" {
		return nil, errors.New("auth: issuer and audience are required")
	}
	if o.Leeway < 0 || o.Leeway > maxLeeway {
		return nil, fmt.Errorf("auth: a leeway of %s is not between 0 and %s", o.Leeway, maxLeeway)
	}
	if o.Leeway == 0 {
		o.Leeway = defaultLeeway
	}
	keys, err := newKeyring(o)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	remembered, err := newMemory()
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return &JWT{
		keys:   keys,
		typ:    o.TokenType,
		issued: expectation{issuer: o.Issuer, audience: o.Audience, leeway: o.Leeway},
		memory: remembered,
	}, nil
}

// Verify implements [Verifier] for a token of at most 8 KiB in compact form. The
// signature counts only under the algorithm that the key itself declares, or one
// that is configured for it; what the token says of its algorithm must agree. "exp"
// and "sub" are required, "nbf" and "iat" are checked where present. The error is an [*apierror.Error]
// whose message may be shown to the caller. It blocks only where a KeySource does.
func (v *JWT) Verify(ctx context.Context, token string) (*Principal, error) {
	if len(token) > maxTokenBytes {
		return nil, invalid("the token is too long", nil)
	}
	now, hash := time.Now(), hashOf(token)
	if p, ok := v.memory.recall(hash, now, v.issued.leeway); ok {
		return p, nil
	}
	p, err := v.verify(ctx, token, now)
	if err != nil {
		return nil, err
	}
	v.memory.remember(hash, &p)
	return &p, nil
}

// hashOf hashes a token of usual length without an allocation.
func hashOf(token string) [sha256.Size]byte {
	var room [1 << 10]byte
	return sha256.Sum256(append(room[:0], token...))
}

func (v *JWT) verify(ctx context.Context, token string, now time.Time) (Principal, error) {
	key, alg, err := v.keyOf(ctx, token)
	if err != nil {
		return Principal{}, err
	}
	payload, err := jws.VerifyCompactFast(key.raw, []byte(token), alg)
	if err != nil {
		return Principal{}, invalid("the token's signature is not valid", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Principal{}, invalid("the token's claims are malformed", err)
	}
	p, err := v.issued.principal(claims, now)
	if err != nil || !v.identity {
		return p, err
	}
	return identified(p)
}

// header is what a token says of its own signature.
type header struct {
	Alg string `json:"alg"`
	Kid string `json:"kid"`
	Typ string `json:"typ"`
}

// keyOf chooses the key, and the algorithm of the key, by what the token's header
// says. Nothing of the header is believed beyond this choice.
func (v *JWT) keyOf(ctx context.Context, token string) (verificationKey, jwa.SignatureAlgorithm, error) {
	none := jwa.NoSignature()
	h, err := headerOf(token)
	if err != nil {
		return verificationKey{}, none, err
	}
	typ := mediaType(h.Typ)
	if expected := typ == mediaType(v.typ); !expected && (v.typ != "" || typ == mediaType(IdentityType)) {
		return verificationKey{}, none, invalid("the token is of another type", nil)
	}
	key, err := v.keys.lookup(ctx, h.Kid)
	if err != nil {
		return verificationKey{}, none, err
	}
	alg, ok := key.algorithm(h.Alg)
	if !ok {
		return verificationKey{}, none, invalid("the token's algorithm is not its key's", nil)
	}
	return key, alg, nil
}

// mediaType is a "typ" in the form in which two are compared (RFC 7515, section
// 4.1.9).
func mediaType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}

func headerOf(token string) (h header, err error) {
	encoded, rest, _ := strings.Cut(token, ".")
	if strings.Count(rest, ".") != 1 || strings.ContainsFunc(token, foreign) {
		return header{}, invalid("the token is not a signed JSON Web Token", nil)
	}
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err == nil {
		err = json.Unmarshal(data, &h)
	}
	if err != nil {
		return header{}, invalid("the token is not a signed JSON Web Token", err)
	}
	return h, nil
}

// foreign reports runes that no compact token holds (RFC 7515, section 2).
// Decoders are laxer: they skip line breaks.
func foreign(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '-', r == '_', r == '.':
		return false
	}
	return true
}
