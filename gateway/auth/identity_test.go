package auth

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/apierror"
)

// identity is a gateway's token with changes.
func (s signer) identity(changes map[string]any) string {
	s.t.Helper()
	all := claims(map[string]any{
		"iss": DefaultIdentityIssuer, "aud": "orders", IdentityClaim: map[string]any{IdentityScheme: SchemeAPIKey, IdentityKeyID: "k"},
	})
	maps.Copy(all, changes)
	payload, err := json.Marshal(all)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.sign(payload, map[string]any{"typ": IdentityType})
}

func incoming(t *testing.T, pairs ...string) context.Context {
	t.Helper()
	return metadata.NewIncomingContext(t.Context(), metadata.Pairs(pairs...))
}

// TestWhoseWordAServerTakes holds that a service believes a gateway's token and the
// caller's own, and nothing that whoever reaches it can write.
func TestWhoseWordAServerTakes(t *testing.T) {
	issuer, gateway := newSigner(t), newSigner(t)
	identity, err := NewIdentityVerifier(IdentityOptions{Audience: "orders", Keys: StaticKeys(setOf(t, gateway.key))})
	if err != nil {
		t.Fatal(err)
	}
	bearer, token := "Bearer "+issuer.token(claims(nil)), gateway.identity(map[string]any{"sub": "partner"})
	both, err := NewServer(ServerOptions{Bearer: issuer.verifier(), Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	alone, err := NewServer(ServerOptions{Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	forged := []string{"x-venta-subject", "root", "x-venta-scheme", "bearer", "x-venta-roles", "system", "x-venta-identity-bin", "x"}
	for name, test := range map[string]struct {
		server  *Server
		pairs   []string
		subject string // "": it is refused
	}{
		"a gateway's token":          {both, []string{IdentityKey, token}, "partner"},
		"the caller's own":           {both, []string{"authorization", bearer}, "user-1"},
		"both: the gateway's":        {both, []string{IdentityKey, token, "authorization", bearer}, "partner"},
		"and a wrong one":            {both, []string{IdentityKey, token, "authorization", "Bearer x"}, "partner"},
		"plain metadata":             {both, forged, ""},
		"plain metadata and its own": {both, append(forged, "authorization", bearer), "user-1"},
		"a wrong gateway's token":    {both, []string{IdentityKey, newSigner(t).identity(nil), "authorization", bearer}, ""},
		"the caller's for it":        {both, []string{IdentityKey, issuer.token(claims(nil))}, ""},
		"a gateway's as one's own":   {both, []string{"authorization", "Bearer " + token}, ""},
		"two":                        {both, []string{IdentityKey, token, IdentityKey, token}, ""},
		"empty":                      {both, []string{IdentityKey, ""}, ""},
		"of another upstream":        {both, []string{IdentityKey, gateway.identity(map[string]any{"aud": "stock"})}, ""},
		"without a scheme":           {both, []string{IdentityKey, gateway.identity(map[string]any{IdentityClaim: "x"})}, ""},
		"nothing":                    {both, nil, ""},
		"identity alone":             {alone, []string{IdentityKey, token}, "partner"},
		"not the caller's own":       {alone, []string{"authorization", bearer}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, err := test.server.Authenticate(incoming(t, test.pairs...))
			if test.subject == "" {
				if own := apierror.As(err); own == nil || own.Code != codes.Unauthenticated || ctx != nil {
					t.Fatalf("not refused: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p, _ := FromContext(ctx); p.Subject != test.subject {
				t.Errorf("principal %+v", p)
			}
		})
	}
	if _, err := NewServer(ServerOptions{}); err == nil {
		t.Error("a server that takes nobody's word")
	}
}

// published is an address with a key set that changes.
type published struct {
	*httptest.Server
	keys     atomic.Pointer[[]byte]
	requests atomic.Int64
	status   atomic.Int64
}

func publish(t *testing.T, s signer) *published {
	t.Helper()
	p := &published{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.requests.Add(1)
		if status := p.status.Load(); status != 0 {
			w.WriteHeader(int(status))
			return
		}
		_, _ = w.Write(*p.keys.Load())
	}))
	t.Cleanup(p.Close)
	p.set(t, s)
	return p
}

func (p *published) set(t *testing.T, s signer) {
	t.Helper()
	text, err := json.Marshal(setOf(t, s.key))
	if err != nil {
		t.Fatal(err)
	}
	p.keys.Store(&text)
}

// age lets what is known grow old.
func (k *RemoteKeys) age(by time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known.fetched, k.known.tried = k.known.fetched.Add(-by), k.known.tried.Add(-by)
}

func TestRemoteKeysFollowTheGateway(t *testing.T) {
	first := newSigner(t)
	address := publish(t, first)
	changes := make(chan [2]int, 10)
	keys, err := NewRemoteKeys(address.URL, RemoteKeysOptions{
		Client: address.Client(), OnChange: func(before, now jwk.Set) { changes <- [2]int{before.Len(), now.Len()} },
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewIdentityVerifier(IdentityOptions{Audience: "orders", Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	verify := func(s signer, want codes.Code) {
		t.Helper()
		_, err := v.Verify(t.Context(), s.identity(map[string]any{"jti": time.Now().String()}))
		if got := codeOf(err); got != want {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
	verify(first, codes.OK)
	verify(first, codes.OK)
	if n := address.requests.Load(); n != 1 {
		t.Errorf("%d requests for two tokens", n)
	}
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	second := signerOf(t, private, first.alg, "k2")
	address.set(t, second)
	for range 20 { // guesses cause no requests
		verify(signerOf(t, private, first.alg, "unknown"), codes.Unauthenticated)
	}
	if n := address.requests.Load(); n > 2 {
		t.Errorf("%d requests for tokens of unknown keys", n)
	}
	keys.age(remoteKeysPause)
	verify(second, codes.OK)
	if got := <-changes; got != [2]int{1, 1} {
		t.Errorf("told of %v keys", got)
	}
	keys.age(remoteKeysPause)
	verify(first, codes.Unauthenticated)
	if len(changes) > 0 {
		t.Error("told of keys that are as they were")
	}
	address.status.Store(http.StatusBadGateway)
	keys.age(remoteKeysFresh)
	verify(second, codes.OK) // what is known serves
	keys.age(remoteKeysUsable)
	verify(second, codes.Unavailable)
	address.status.Store(http.StatusFound)
	keys.age(remoteKeysPause)
	verify(second, codes.Unavailable)
	for _, wrong := range []string{"", "keys.json", "ftp://x/y", "http://"} {
		if _, err := NewRemoteKeys(wrong, RemoteKeysOptions{}); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func codeOf(err error) codes.Code {
	if err == nil {
		return codes.OK
	}
	if own := apierror.As(err); own != nil {
		return own.Code
	}
	return codes.Unknown
}
