package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

func TestVerifyReturnsThePrincipal(t *testing.T) {
	s := newSigner(t)
	principal, err := s.verifier().Verify(t.Context(), s.token(claims(map[string]any{
		"aud":   []string{"other", testAudience},
		"scope": "read  write",
		"roles": []string{"system", "staff"},
		"email": "a@example.com",
		"level": 3,
	})))
	if err != nil {
		t.Fatal(err)
	}
	if principal.Subject != "user-1" || !principal.HasScope("write") || !principal.HasRole("staff") {
		t.Errorf("principal %+v", principal)
	}
	if principal.HasScope("") || principal.HasScope("read write") || principal.HasRole("admin") {
		t.Error("the principal holds what the token does not")
	}
	if email, ok := principal.Claim("email"); !ok || email != "a@example.com" {
		t.Errorf("claim %q %t", email, ok)
	}
	if _, ok := principal.Claim("level"); ok {
		t.Error("a number was read as text")
	}
}

func TestPrincipalCannotBeChanged(t *testing.T) {
	scopes := []string{"read"}
	principal := NewPrincipal("user-1", scopes, []string{"staff"})
	scopes[0] = "write"
	principal.Scopes()[0] = "write"
	principal.Roles()[0] = "system"
	if !principal.HasScope("read") || principal.HasScope("write") || principal.HasRole("system") {
		t.Errorf("scopes %v, roles %v", principal.Scopes(), principal.Roles())
	}
}

func TestVerifyRefusesClaims(t *testing.T) {
	s := newSigner(t)
	v := s.verifier()
	tests := map[string]struct {
		change  map[string]any
		message string
	}{
		"no issuer":         {map[string]any{"iss": nil}, "the token is of another issuer"},
		"issuer list":       {map[string]any{"iss": []string{testIssuer}}, "the token is of another issuer"},
		"other issuer":      {map[string]any{"iss": testIssuer + "/"}, "the token is of another issuer"},
		"no audience":       {map[string]any{"aud": nil}, "the token is for another audience"},
		"other audience":    {map[string]any{"aud": "venta2"}, "the token is for another audience"},
		"mixed audience":    {map[string]any{"aud": []any{testAudience, 1}}, "the token is for another audience"},
		"no subject":        {map[string]any{"sub": nil}, "the token's subject is missing or too long"},
		"empty subject":     {map[string]any{"sub": ""}, "the token's subject is missing or too long"},
		"number as subject": {map[string]any{"sub": 7}, "the token's subject is missing or too long"},
		"long subject":      {map[string]any{"sub": strings.Repeat("x", 256)}, "the token's subject is missing or too long"},
		"no expiry":         {map[string]any{"exp": nil}, "the token has no expiry"},
		"text as expiry":    {map[string]any{"exp": "4000000000"}, "the token's dates are malformed"},
		"negative expiry":   {map[string]any{"exp": -1}, "the token's dates are malformed"},
		"huge expiry":       {map[string]any{"exp": 1e300}, "the token's dates are malformed"},
		"text as nbf":       {map[string]any{"nbf": "0"}, "the token's dates are malformed"},
		"bad iat":           {map[string]any{"iat": true}, "the token's dates are malformed"},
		"bad scope":         {map[string]any{"scope": 1}, "the token's scopes or roles are malformed"},
		"bad roles":         {map[string]any{"roles": map[string]any{"system": true}}, "the token's scopes or roles are malformed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), s.token(claims(test.change)))
			if got := refusal(t, err, codes.Unauthenticated, apierror.CredentialsInvalid); got != test.message {
				t.Errorf("message %q, want %q", got, test.message)
			}
		})
	}
}

func TestVerifyAtTheEdgesOfTheLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t)
		v := s.verifier()
		in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
		tests := map[string]struct {
			change  map[string]any
			message string
		}{
			"expired within the leeway":  {map[string]any{"exp": in(-29 * time.Second)}, ""},
			"expired":                    {map[string]any{"exp": in(-30 * time.Second)}, "the token has expired"},
			"early within the leeway":    {map[string]any{"nbf": in(30 * time.Second)}, ""},
			"early":                      {map[string]any{"nbf": in(31 * time.Second)}, "the token is not yet valid"},
			"issued within the leeway":   {map[string]any{"iat": in(30 * time.Second)}, ""},
			"issued in the future":       {map[string]any{"iat": in(31 * time.Second)}, "the token was issued in the future"},
			"expired and not yet valid":  {map[string]any{"exp": in(-time.Hour), "nbf": in(time.Hour)}, "the token has expired"},
			"fraction of a second later": {map[string]any{"exp": float64(in(-30*time.Second)) + 0.5}, ""},
		}
		for name, test := range tests {
			_, err := v.Verify(t.Context(), s.token(claims(test.change)))
			switch {
			case test.message == "" && err != nil:
				t.Errorf("%s: %v", name, err)
			case test.message != "":
				if got := refusal(t, err, codes.Unauthenticated, apierror.CredentialsInvalid); got != test.message {
					t.Errorf("%s: message %q, want %q", name, got, test.message)
				}
			}
		}
	})
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestVerifyRefusesForgedTokens(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	v := s.verifier()
	valid := s.token(claims(nil))
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(valid, ".")
	changed := encode(strings.Replace(string(payload), "user-1", "user-2", 1))
	const algorithm, signature = "the token's algorithm is not its key's", "the token's signature is not valid"
	const form = "the token is not a signed JSON Web Token"
	tests := map[string]struct{ token, message string }{
		"empty":               {"", form},
		"text":                {"abc", form},
		"two parts":           {parts[0] + "." + parts[1], form},
		"four parts":          {valid + ".x", form},
		"five parts":          {"a.b.c.d.e", form},
		"header not base64":   {"!!." + parts[1] + "." + parts[2], form},
		"header not JSON":     {encode("x") + "." + parts[1] + "." + parts[2], form},
		"JSON serialization":  {`{"payload":"` + parts[1] + `","signature":"` + parts[2] + `","protected":"` + parts[0] + `"}`, form},
		"alg none":            {encode(`{"alg":"none","kid":"k1"}`) + "." + parts[1] + ".", algorithm},
		"alg None":            {encode(`{"alg":"None"}`) + "." + parts[1] + ".", algorithm},
		"no alg":              {encode(`{"kid":"k1"}`) + "." + parts[1] + "." + parts[2], algorithm},
		"alg twice":           {encode(`{"alg":"none","kid":"k1","Alg":"EdDSA"}`) + "." + parts[1] + "." + parts[2], signature},
		"no signature":        {parts[0] + "." + parts[1] + ".", signature},
		"changed payload":     {parts[0] + "." + changed + "." + parts[2], signature},
		"another key":         {other.token(claims(nil)), signature},
		"unknown key":         {encode(`{"alg":"EdDSA","kid":"k2"}`) + "." + parts[1] + "." + parts[2], "the token's key is not known"},
		"kid as path":         {encode(`{"alg":"EdDSA","kid":"../../dev/null"}`) + "." + parts[1] + "." + parts[2], "the token's key is not known"},
		"kid as number":       {encode(`{"alg":"EdDSA","kid":1}`) + "." + parts[1] + "." + parts[2], form},
		"too long":            {valid + strings.Repeat("A", maxTokenBytes), "the token is too long"},
		"critical extension":  {s.sign(payload, map[string]any{"crit": []string{"x"}, "x": 1}), signature},
		"payload not JSON":    {s.sign([]byte("hello"), nil), "the token's claims are malformed"},
		"payload not claims":  {s.sign([]byte(`["a"]`), nil), "the token's claims are malformed"},
		"nested token":        {s.sign([]byte(valid), map[string]any{"cty": "JWT"}), "the token's claims are malformed"},
		"payload null":        {s.sign([]byte("null"), nil), "the token is of another issuer"},
		"blank before":        {" " + valid, form},
		"line break after":    {valid + "\n", form},
		"line break inside":   {parts[0] + "." + parts[1] + ".\r\n" + parts[2], form},
		"padding":             {valid + "==", form},
		"key in the header":   {other.sign(payload, map[string]any{"jwk": publicKey(t, other.key), "kid": "k1"}), signature},
		"key set from a URL":  {other.sign(payload, map[string]any{"jku": "https://evil.example/keys"}), signature},
		"embedded NUL in kid": {encode("{\"alg\":\"EdDSA\",\"kid\":\"k1\\u0000\"}") + "." + parts[1] + "." + parts[2], "the token's key is not known"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), test.token)
			if got := refusal(t, err, codes.Unauthenticated, apierror.CredentialsInvalid); got != test.message {
				t.Errorf("message %q, want %q", got, test.message)
			}
		})
	}
}

func publicKey(t *testing.T, key jwk.Key) jwk.Key {
	t.Helper()
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// The classic confusion: the attacker signs with HMAC and takes the bytes of the
// public key for the secret.
func TestVerifyRefusesAPublicKeyAsSecret(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := signerOf(t, private, jwa.RS256(), "k1")
	v := s.verifier()
	if _, err := v.Verify(t.Context(), s.token(claims(nil))); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	forged := signerOf(t, der, jwa.HS256(), "k1").token(claims(nil))
	_, err = v.Verify(t.Context(), forged)
	refusal(t, err, codes.Unauthenticated, apierror.CredentialsInvalid)
	_, err = v.Verify(t.Context(), signerOf(t, private, jwa.PS256(), "k1").token(claims(nil)))
	refusal(t, err, codes.Unauthenticated, apierror.CredentialsInvalid)
}

func TestVerifyWithEveryKindOfKey(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hmac := signerOf(t, []byte(strings.Repeat("s", 64)), jwa.HS512(), "hmac")
	ec := signerOf(t, p384, jwa.ES384(), "ec")
	okp := newSigner(t)
	v, err := NewJWT(JWTOptions{
		Keys: setOf(t, hmac.key, ec.key, okp.key), Issuer: testIssuer, Audience: testAudience,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []signer{hmac, ec, okp} {
		if _, err := v.Verify(t.Context(), s.token(claims(nil))); err != nil {
			t.Errorf("%s: %v", s.alg, err)
		}
	}
	if err := okp.key.Remove(jwk.KeyIDKey); err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(t.Context(), okp.token(claims(nil)))
	if got := refusal(t, err, codes.Unauthenticated, apierror.CredentialsInvalid); got != "the token's key is not known" {
		t.Errorf("a token without a key id, several keys: %q", got)
	}
	if _, err := newSignerlessVerifier(t, okp.key).Verify(t.Context(), okp.token(claims(nil))); err != nil {
		t.Errorf("a token without a key id, one key: %v", err)
	}
}

func newSignerlessVerifier(t *testing.T, key jwk.Key) *JWT {
	t.Helper()
	return signer{t: t, key: key}.verifier()
}

func FuzzVerify(f *testing.F) {
	f.Add("a.b.c")
	f.Add(encode(`{"alg":"EdDSA"}`) + "." + encode(`{"sub":"x"}`) + ".AAAA")
	f.Add(encode(`{"alg":"none"}`) + "." + encode(`{}`) + ".")
	s := newSigner(f)
	v := s.verifier()
	f.Fuzz(func(t *testing.T, token string) {
		if p, err := v.Verify(t.Context(), token); err == nil {
			t.Fatalf("accepted %q as %+v", token, p)
		}
	})
}

// TestTokenType holds that a token of another type, or of none, is refused where
// one is configured (RFC 9068, section 4), and that keys without an algorithm have
// those that are configured and suit them, no others.
func TestTokenTypeAndAlgorithms(t *testing.T) {
	s := newSigner(t)
	if err := s.key.Remove(jwk.AlgorithmKey); err != nil {
		t.Fatal(err)
	}
	verifier := func(o JWTOptions) *JWT {
		o.Keys, o.Issuer, o.Audience = setOf(t, s.key), testIssuer, testAudience
		v, err := NewJWT(o)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	algorithms := []string{"RS256", "ES256", "ES384", "ES512", "EdDSA", "HS256"}
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		wants, typ string
		ok         bool
	}{
		{"", "", true}, {"", "JWT", true}, {"at+jwt", "at+jwt", true}, {"at+jwt", "application/AT+JWT", true},
		{"application/at+jwt", "at+jwt", true}, {"at+jwt", "", false}, {"at+jwt", "JWT", false}, {"at+jwt", "dpop+jwt", false},
	} {
		header := map[string]any{}
		if test.typ != "" {
			header["typ"] = test.typ
		}
		_, err := verifier(JWTOptions{TokenType: test.wants, Algorithms: algorithms}).Verify(t.Context(), s.sign(payload, header))
		if (err == nil) != test.ok {
			t.Errorf("%q where %q is wanted: %v", test.typ, test.wants, err)
		}
	}
}
