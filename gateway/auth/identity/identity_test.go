package identity_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/identity"
)

// ada is a caller with an API key, and with characters that no header can hold.
func ada() *auth.Principal {
	p := auth.NewPrincipal("ada, läd", []string{"orders:read", "a b"}, []string{"50%", "admin"}).
		WithKeyID("partner").WithScheme(auth.SchemeAPIKey).WithIssuer("").
		WithClaims(map[string]any{"plan": "gold", "tenants": []any{"ä", "😀"}, "secret": "s"})
	return &p
}

func newWriter(t testing.TB, o identity.Options) *identity.Writer {
	t.Helper()
	w, err := identity.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func newSigner(t testing.TB, o identity.SignerOptions) *identity.Signer {
	t.Helper()
	s, err := identity.NewSigner(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func written(t testing.TB, w *identity.Writer, p *auth.Principal, audience string) metadata.MD {
	t.Helper()
	pairs, err := w.Append(nil, p, audience)
	if err != nil {
		t.Fatal(err)
	}
	return metadata.Pairs(pairs...)
}

func token(t testing.TB, w *identity.Writer, p *auth.Principal, audience string) string {
	t.Helper()
	md := written(t, w, p, audience)
	if len(md) != 1 || len(md[auth.IdentityKey]) != 1 {
		t.Fatalf("metadata %v, want a token alone", md)
	}
	return md[auth.IdentityKey][0]
}

func verifier(t testing.TB, keys auth.KeySource, audience string) *auth.JWT {
	t.Helper()
	v, err := auth.NewIdentityVerifier(auth.IdentityOptions{Audience: audience, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMetadata(t *testing.T) {
	w := newWriter(t, identity.Options{Claims: []string{"plan", "tenants", "missing"}})
	want := map[string]string{
		"x-venta-subject": "ada%2C%20l%C3%A4d",
		"x-venta-scheme":  "api-key",
		"x-venta-key-id":  "partner",
		"x-venta-scopes":  "orders:read a%20b",
		"x-venta-roles":   "50%25 admin",
		"x-venta-claims":  `{"plan":"gold","tenants":["\u00e4","\ud83d\ude00"]}`,
	}
	md := written(t, w, ada(), "orders")
	if len(md) != len(want) {
		t.Errorf("metadata %v", md)
	}
	for key, value := range want {
		if got := md[key]; !slices.Equal(got, []string{value}) {
			t.Errorf("%s: %q, want %q", key, got, value)
		}
	}
	var back []string // as a service reads it
	for scope := range strings.SplitSeq(md["x-venta-scopes"][0], " ") {
		scope, err := url.PathUnescape(scope)
		if err != nil {
			t.Error(err)
		}
		back = append(back, scope)
	}
	if !slices.Equal(back, ada().Scopes()) {
		t.Errorf("scopes %q", back)
	}
	var claims struct{ Tenants []string }
	if err := json.Unmarshal([]byte(md["x-venta-claims"][0]), &claims); err != nil || !slices.Equal(claims.Tenants, []string{"ä", "😀"}) {
		t.Errorf("claims %v, %v", claims, err)
	}
}

func TestNothingIsWrittenOfWhatIsNotThere(t *testing.T) {
	p := auth.NewPrincipal("ada", nil, nil)
	if md := written(t, newWriter(t, identity.Options{Claims: []string{"plan"}}), &p, "orders"); len(md) != 1 {
		t.Errorf("metadata %v", md)
	}
}

func TestTokensSayWhatMetadataSays(t *testing.T) {
	s := newSigner(t, identity.SignerOptions{})
	w := newWriter(t, identity.Options{Signer: s, Claims: []string{"plan", "tenants"}})
	p, err := verifier(t, s, "orders").Verify(t.Context(), token(t, w, ada(), "orders"))
	if err != nil {
		t.Fatal(err)
	}
	plan, _ := p.Claim("plan")
	if p.Subject != "ada, läd" || p.Scheme() != auth.SchemeAPIKey || p.Issuer() != "" || p.KeyID() != "partner" ||
		!slices.Equal(p.Roles(), []string{"50%", "admin"}) || plan != "gold" || !slices.Equal(p.Claims("tenants"), []string{"ä", "😀"}) {
		t.Errorf("principal %+v", p)
	}
	if _, told := p.Claim("secret"); told {
		t.Error("a claim travels that nobody chose")
	}
	if left := time.Until(p.Expires); left > time.Minute || left < 50*time.Second {
		t.Errorf("it lasts %s", left)
	}
}

func TestTokensAreForOneServiceAlone(t *testing.T) {
	s := newSigner(t, identity.SignerOptions{})
	w := newWriter(t, identity.Options{Signer: s})
	good := token(t, w, ada(), "orders")
	for name, test := range map[string]struct {
		v     *auth.JWT
		token string
	}{
		"another audience": {verifier(t, s, "stock"), good},
		"another gateway":  {verifier(t, newSigner(t, identity.SignerOptions{}), "orders"), good},
		"another issuer":   {verifier(t, s, "orders"), token(t, newWriter(t, identity.Options{Signer: newSigner(t, identity.SignerOptions{Issuer: "x"})}), ada(), "orders")},
		"no token":         {verifier(t, s, "orders"), "ada"},
	} {
		if _, err := test.v.Verify(t.Context(), test.token); apierror.As(err) == nil || apierror.As(err).Code != codes.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A verifier of callers' tokens takes it for none, whatever its issuer and keys.
	keys, err := s.Keys(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	v, err := auth.NewJWT(auth.JWTOptions{Keys: keys, Issuer: "venta", Audience: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), good); err == nil {
		t.Error("a gateway's token passes for a caller's")
	}
}

func TestOnlyTheNamedUpstreamsGetTokens(t *testing.T) {
	w := newWriter(t, identity.Options{Signer: newSigner(t, identity.SignerOptions{}), Signed: []string{"orders"}})
	token(t, w, ada(), "orders")
	if md := written(t, w, ada(), "stock"); md[auth.IdentityKey] != nil || md[identity.SubjectKey] == nil {
		t.Errorf("metadata %v", md)
	}
}

// TestTokensAreSignedOnceInAWhile holds that a call does not cost a signature, that no
// token is sent that is about to end, and that none outlasts the caller's own.
func TestTokensAreSignedOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t, identity.SignerOptions{})
		w, v := newWriter(t, identity.Options{Signer: s}), verifier(t, s, "orders")
		first := token(t, w, ada(), "orders")
		time.Sleep(29 * time.Second)
		if token(t, w, ada(), "orders") != first {
			t.Error("signed again after 29 s")
		}
		if token(t, w, ada(), "stock") == first {
			t.Error("two services get one token")
		}
		time.Sleep(2 * time.Second)
		if token(t, w, ada(), "orders") == first {
			t.Error("not signed again after 31 s")
		}
		short := ada()
		short.Expires = time.Now().Add(10 * time.Second)
		p, err := v.Verify(t.Context(), token(t, w, short, "orders"))
		if err != nil || p.Expires.After(short.Expires) {
			t.Errorf("expires %v, %v", p, err)
		}
		time.Sleep(2 * time.Minute)
		if _, err := v.Verify(t.Context(), first); err == nil {
			t.Error("a token of two minutes ago passes")
		}
	})
}

// TestKeysRotate holds that a service which asks for keys as seldom as it is told to
// verifies every token, across rotations.
func TestKeysRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t, identity.SignerOptions{RotateEvery: 10 * time.Minute})
		w := newWriter(t, identity.Options{Signer: s})
		set := func() auth.KeySource {
			keys, err := s.Keys(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			return auth.StaticKeys(keys)
		}
		asked, kids := set(), map[string]bool{}
		last := ""
		for minute := range 60 {
			if minute%5 == 0 {
				asked = set()
			}
			sent := token(t, w, ada(), "orders")
			kids[strings.Split(sent, ".")[0]] = true
			for _, sent := range []string{last, sent} {
				if _, err := verifier(t, asked, "orders").Verify(t.Context(), sent); sent != "" && err != nil {
					t.Fatalf("minute %d: %v", minute, err)
				}
			}
			last = sent
			time.Sleep(time.Minute)
		}
		if len(kids) != 6 {
			t.Errorf("%d keys in an hour, want 6", len(kids))
		}
		if keys, _ := s.Keys(t.Context(), false); keys.Len() > 3 {
			t.Errorf("%d keys are published", keys.Len())
		}
	})
}

func TestWhatIsTooLargeIsRefused(t *testing.T) {
	for name, o := range map[string]identity.Options{
		"metadata": {}, "token": {Signer: newSigner(t, identity.SignerOptions{})},
	} {
		p := auth.NewPrincipal("ada", []string{strings.Repeat("x", identity.MaxBytes)}, nil)
		_, err := newWriter(t, o).Append(nil, &p, "orders")
		if own := apierror.As(err); own == nil || own.HTTPStatus != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// panics is a claim that no encoder survives.
type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("no") }

// TestWhatCannotBeWrittenIsRefused holds that a call is refused, and not made for
// nobody.
func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	for name, o := range map[string]identity.Options{
		"metadata": {Claims: []string{"x"}}, "token": {Claims: []string{"x"}, Signer: newSigner(t, identity.SignerOptions{})},
	} {
		for _, claim := range []any{func() {}, panics{}} {
			p := auth.NewPrincipal("ada", nil, nil).WithClaims(map[string]any{"x": claim})
			pairs, err := newWriter(t, o).Append(nil, &p, "orders")
			if own := apierror.As(err); own == nil || own.Code != codes.Internal || pairs != nil {
				t.Errorf("%s: %v, %v", name, pairs, err)
			}
		}
	}
}

func TestKeysAreServed(t *testing.T) {
	s := newSigner(t, identity.SignerOptions{})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/.well-known/jwks.json", nil))
	if got := w.Header(); w.Code != http.StatusOK || got.Get("Content-Type") != "application/jwk-set+json" || got.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("%d %v", w.Code, got)
	}
	if bytes.Contains(w.Body.Bytes(), []byte(`"d"`)) || !bytes.Contains(w.Body.Bytes(), []byte(`"ES256"`)) {
		t.Errorf("%s", w.Body)
	}
	if _, err := auth.ParseKeys("served", w.Body.Bytes()); err != nil {
		t.Error(err)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	many := slices.Repeat([]string{"x"}, identity.MaxClaims+1)
	for _, o := range []identity.Options{{Claims: []string{""}}, {Claims: many}} {
		if _, err := identity.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	for _, o := range []identity.SignerOptions{{Lifetime: time.Second}, {Lifetime: time.Hour}, {RotateEvery: time.Minute}} {
		if _, err := identity.NewSigner(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	p, room := ada(), make([]string, 0, 32)
	for name, o := range map[string]identity.Options{"metadata": {}, "token": {Signer: newSigner(b, identity.SignerOptions{})}} {
		w := newWriter(b, o)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Append(room, p, "orders"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var _ auth.KeySource = (*identity.Signer)(nil)
