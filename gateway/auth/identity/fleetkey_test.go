package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/venta-hq/venta/gateway/auth/identity"
)

func imported(t *testing.T, raw any, err error, fields ...any) jwk.Key {
	t.Helper()
	key, err2 := jwk.Import(raw)
	err = errors.Join(err, err2)
	for i := 0; i < len(fields); i += 2 {
		err = errors.Join(err, key.Set(fields[i].(string), fields[i+1]))
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func fileOf(t *testing.T, keys ...jwk.Key) []byte {
	t.Helper()
	set := jwk.NewSet()
	for _, key := range keys {
		if err := set.AddKey(key); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestKeysOfAFleet holds that gateways with one file verify each other's tokens, also
// while its keys rotate.
func TestKeysOfAFleet(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	first := imported(t, ec, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	second := imported(t, ed, err, jwk.KeyIDKey, "second")
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	third := imported(t, rs, err, jwk.AlgorithmKey, jwa.PS256())
	for name, keys := range map[string][]jwk.Key{"EC": {first, second}, "OKP": {second, first}, "RSA": {third, first}} {
		parsed, err := identity.ParseKeys("keys.json", fileOf(t, keys...))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		one, other := newSigner(t, identity.SignerOptions{Keys: parsed}), newSigner(t, identity.SignerOptions{})
		if err := other.SetKeys(parsed); err != nil {
			t.Fatal(err)
		}
		sent := token(t, newWriter(t, identity.Options{Signer: one}), ada(), "orders")
		if _, err := verifier(t, other, "orders").Verify(t.Context(), sent); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key := imported(t, ec, err, jwk.KeyIDKey, "k")
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text []byte
		want string
	}{
		"no JSON":       {[]byte("secret"), "not a JSON Web Key Set"},
		"none":          {[]byte(`{"keys":[]}`), "0 signing keys"},
		"public":        {fileOf(t, public), "must be private"},
		"symmetric":     {fileOf(t, imported(t, []byte(strings.Repeat("s", 32)), nil)), "no key of a pair"},
		"a second one":  {fileOf(t, key, imported(t, []byte(strings.Repeat("s", 32)), nil)), "key 2: it is no key of a pair"},
		"its algorithm": {fileOf(t, imported(t, ec, nil, jwk.AlgorithmKey, jwa.ES512())), "does not suit its algorithm ES512"},
	} {
		if _, err := identity.ParseKeys("keys.json", test.text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	s := newSigner(t, identity.SignerOptions{})
	before := token(t, newWriter(t, identity.Options{Signer: s}), ada(), "orders")
	if err := s.SetKeys(nil); err == nil {
		t.Error("no keys are taken")
	}
	if _, err := verifier(t, s, "orders").Verify(t.Context(), before); err != nil {
		t.Errorf("after keys that were refused: %v", err)
	}
}
