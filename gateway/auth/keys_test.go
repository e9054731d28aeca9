package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

func TestNewJWTRefuses(t *testing.T) {
	good := newSigner(t).key
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keyWith := func(raw any, changes map[string]any) jwk.Key {
		key, err := jwk.Import(raw)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range changes {
			if err := key.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
		return key
	}
	secret := bytes.Repeat([]byte("s"), 32)
	many := jwk.NewSet()
	for range maxKeys + 1 {
		raw, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if err := many.AddKey(keyWith(raw, nil)); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		options JWTOptions
		want    string
	}{
		"no keys":             {JWTOptions{}, "auth: a key set of 1 to 64 keys is required"},
		"empty set":           {JWTOptions{Keys: jwk.NewSet()}, "auth: the key set holds no key for signatures"},
		"many keys":           {JWTOptions{Keys: many}, "auth: a key set of 1 to 64 keys is required"},
		"no alg":              {JWTOptions{Keys: setOf(t, keyWith(p256, nil))}, `auth: key "": the key does not declare its algorithm ("alg"), and none of the configured algorithms suits it`},
		"alg of another kind": {JWTOptions{Keys: setOf(t, keyWith(p256, nil)), Algorithms: []string{"RS256", "HS256", "ES384"}}, `auth: key "": the key does not declare its algorithm ("alg"), and none of the configured algorithms suits it`},
		"no alg of ours":      {JWTOptions{Keys: setOf(t, keyWith(p256, nil)), Algorithms: []string{"none"}}, `auth: key "": "none" is not a signature algorithm that is accepted`},
		"no curve":            {JWTOptions{Keys: setOf(t, keyWith(p256, map[string]any{"alg": jwa.ES384()}))}, `auth: key "": the key does not suit its algorithm ES384`},
		"HMAC on EC":          {JWTOptions{Keys: setOf(t, keyWith(p256, map[string]any{"alg": jwa.HS256()}))}, `auth: key "": the key does not suit its algorithm HS256`},
		"RSA on oct":          {JWTOptions{Keys: setOf(t, keyWith(secret, map[string]any{"alg": jwa.RS256()}))}, `auth: key "": the key does not suit its algorithm RS256`},
		"alg none":            {JWTOptions{Keys: setOf(t, keyWith(secret, map[string]any{"alg": jwa.NoSignature()}))}, `auth: key "": the key does not suit its algorithm none`},
		"short HMAC":          {JWTOptions{Keys: setOf(t, keyWith(secret[1:], map[string]any{"alg": jwa.HS256()}))}, `auth: key "": the key has 248 bits, HS256 needs 256`},
		"encryption":          {JWTOptions{Keys: setOf(t, keyWith(p256, map[string]any{"use": "enc"}))}, "auth: the key set holds no key for signatures"},
		"enc alg":             {JWTOptions{Keys: setOf(t, keyWith(secret, map[string]any{"alg": jwa.A256GCMKW()}))}, `auth: key "": "A256GCMKW" is not a signature algorithm`},
		"same id":             {JWTOptions{Keys: setOf(t, good, signerOf(t, secret, jwa.HS256(), "k1").key)}, `auth: two keys have the id "k1"`},
		"no id":               {JWTOptions{Keys: setOf(t, good, keyWith(secret, map[string]any{"alg": jwa.HS256()}))}, `auth: every key of a set with several keys needs a "kid"`},
		"leeway":              {JWTOptions{Leeway: time.Hour}, "auth: a leeway of 1h0m0s is not between 0 and 5m0s"},
		"no leeway":           {JWTOptions{Leeway: -1}, "auth: a leeway of -1ns is not between 0 and 5m0s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.options.Issuer, test.options.Audience = testIssuer, testAudience
			if _, err := NewJWT(test.options); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
		})
	}
	for _, o := range []JWTOptions{{Issuer: testIssuer}, {Audience: testAudience}} {
		o.Keys = setOf(t, good)
		if _, err := NewJWT(o); err == nil || err.Error() != "auth: issuer and audience are required" {
			t.Errorf("%+v: error %v", o, err)
		}
	}
}

func TestWeakRSADoesNotSuit(t *testing.T) {
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2046), E: 65537}
	want := "the key has 2047 bits, PS256 needs 2048"
	if err := suits(jwa.PS256(), weak); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLoadKeys(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := newSigner(t)
	data, err := json.Marshal(setOf(t, s.key))
	if err != nil {
		t.Fatal(err)
	}
	set, err := LoadKeys(write("good.json", string(data)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewJWT(JWTOptions{Keys: set, Issuer: testIssuer, Audience: testAudience})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), s.token(claims(nil))); err != nil {
		t.Error(err)
	}

	for name, path := range map[string]string{
		"absent":    filepath.Join(dir, "absent.json"),
		"directory": dir,
		"text":      write("text.json", "hello"),
		"empty":     write("empty.json", ""),
		"no keys":   write("none.json", `{"keys":[]}`),
		"too large": write("large.json", strings.Repeat(" ", maxKeyFileBytes+1)),
		"cut":       write("cut.json", string(data[:len(data)/2])),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadKeys(path)
			if err == nil || !strings.Contains(err.Error(), path) || strings.Count(err.Error(), path) != 1 {
				t.Errorf("error %v, want one that names %s once", err, path)
			}
		})
	}
}
