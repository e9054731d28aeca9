package auth

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/venta-hq/venta/gateway/policy"
)

func TestShadow(t *testing.T) {
	s := newSigner(t)
	good := "Bearer " + s.token(claims(map[string]any{"scope": "read"}))
	expired := "Bearer " + s.token(claims(map[string]any{"exp": 1}))
	required := policy.Auth{Requirement: policy.AuthRequired, Shadow: true}
	optional := policy.Auth{Requirement: policy.AuthOptional, Shadow: true}
	scoped := policy.Auth{Requirement: policy.AuthRequired, Scopes: []string{"admin"}, Shadow: true}
	tests := map[string]struct {
		policy policy.Auth
		header []string
		known  bool
		want   []string
	}{
		"required, good":    {required, []string{good}, true, nil},
		"required, missing": {required, nil, false, []string{WouldUnauthenticated}},
		"required, expired": {required, []string{expired}, false, []string{WouldUnauthenticated}},
		"required, twice":   {required, []string{good, good}, false, []string{WouldUnauthenticated}},
		"optional, good":    {optional, []string{good}, true, nil},
		"optional, missing": {optional, nil, false, nil},
		"optional, expired": {optional, []string{expired}, false, []string{WouldUnauthenticated}},
		"a scope lacks":     {scoped, []string{good}, false, []string{WouldForbidden}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var told []string
			middleware, err := New(test.policy, Options{
				Verifier: s.verifier(),
				OnError:  func(http.ResponseWriter, *http.Request, error) { t.Error("refused") },
				OnShadow: func(_ context.Context, would string) { told = append(told, would) },
			})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(http.MethodGet, "/v2/vendors", nil)
			r.Header["Authorization"] = test.header
			passed, w := 0, httptest.NewRecorder()
			middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				passed++
				if _, known := FromContext(r.Context()); known != test.known {
					t.Errorf("known %v, want %v", known, test.known)
				}
			})).ServeHTTP(w, r)
			if passed != 1 || !slices.Equal(told, test.want) || len(w.Header()) != 0 {
				t.Errorf("passed %d times, told %v, headers %v", passed, told, w.Header())
			}
		})
	}
}
