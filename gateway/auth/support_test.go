package auth

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

const (
	testIssuer   = "https://issuer.example"
	testAudience = "venta"
)

// signer is an issuer with one key.
type signer struct {
	t   testing.TB
	key jwk.Key
	alg jwa.SignatureAlgorithm
}

func newSigner(t testing.TB) signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return signerOf(t, private, jwa.EdDSA(), "k1")
}

func signerOf(t testing.TB, raw any, alg jwa.SignatureAlgorithm, kid string) signer {
	t.Helper()
	key, err := jwk.Import(raw)
	if err == nil {
		err = errors.Join(key.Set(jwk.AlgorithmKey, alg), key.Set(jwk.KeyIDKey, kid))
	}
	if err != nil {
		t.Fatal(err)
	}
	return signer{t: t, key: key, alg: alg}
}

func setOf(t testing.TB, keys ...jwk.Key) jwk.Set {
	t.Helper()
	set := jwk.NewSet()
	for _, key := range keys {
		if err := set.AddKey(key); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

func (s signer) verifier() *JWT {
	s.t.Helper()
	v, err := NewJWT(JWTOptions{Keys: setOf(s.t, s.key), Issuer: testIssuer, Audience: testAudience})
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

// claims returns valid claims with changes; a nil removes one.
func claims(changes map[string]any) map[string]any {
	all := map[string]any{
		"iss": testIssuer,
		"aud": testAudience,
		"sub": "user-1",
		"exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	return all
}

func (s signer) token(claims map[string]any) string {
	s.t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.sign(payload, nil)
}

func (s signer) sign(payload []byte, header map[string]any) string {
	s.t.Helper()
	protected := jws.NewHeaders()
	for name, value := range header {
		if err := protected.Set(name, value); err != nil {
			s.t.Fatal(err)
		}
	}
	signed, err := jws.Sign(payload, jws.WithKey(s.alg, s.key, jws.WithProtectedHeaders(protected)))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(signed)
}

// refusal checks that err is a refusal of the gateway and returns its message.
func refusal(t *testing.T, err error, code codes.Code, reason apierror.Reason) string {
	t.Helper()
	own := apierror.As(err)
	if own == nil || own.Code != code || own.Reason != reason {
		t.Fatalf("error %v, want %s %s", err, code, reason)
	}
	return own.Message
}
