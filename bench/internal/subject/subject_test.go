package subject_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/bench/internal/backend"
	"github.com/venta-hq/venta/bench/internal/fixture"
	"github.com/venta-hq/venta/bench/internal/subject"
	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

var modes = []subject.Mode{subject.Bare, subject.BareSqueezed, subject.Plain, subject.Venta, subject.Observed, subject.Policies, subject.Cached}

// newHandler returns the subject before an in-process backend, and a token that
// it believes.
func newHandler(t *testing.T, mode subject.Mode, routes int) (http.Handler, string) {
	t.Helper()
	keys, err := devkeys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	token, err := keys.Sign(devkeys.Claims{Subject: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := subject.NewHandler(subject.Options{
		Mode: mode, Routes: routes, Keys: keys,
		Conn: gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, backend.New()),
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler, token
}

func send(handler http.Handler, verb, path, token string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(verb, path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	encoded, err := fixture.JSON(m)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func decode(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

// TestResponsesAreEqual holds all subjects to the same work.
func TestResponsesAreEqual(t *testing.T) {
	requests := []struct {
		name, verb, path string
		body             []byte
		want             proto.Message
	}{
		{"one", http.MethodGet, "/v2/vendors/" + fixture.ID, nil, fixture.Vendor()},
		{"list", http.MethodGet, "/v2/vendors", nil, fixture.List()},
		{"post", http.MethodPost, "/v2/vendors", encode(t, fixture.NewVendor()), fixture.Created(fixture.NewVendor())},
	}
	for _, mode := range modes {
		handler, token := newHandler(t, mode, 0)
		for _, r := range requests {
			t.Run(string(mode)+"/"+r.name, func(t *testing.T) {
				w := send(handler, r.verb, r.path, token, r.body)
				if w.Code != http.StatusOK {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				if diff := cmp.Diff(decode(t, encode(t, r.want)), decode(t, w.Body.Bytes())); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestPoliciesAreInForce holds the subjects to what their rows say of them.
func TestPoliciesAreInForce(t *testing.T) {
	for _, mode := range []subject.Mode{subject.Policies, subject.Cached} {
		handler, token := newHandler(t, mode, 0)
		if w := send(handler, http.MethodGet, "/v2/vendors/"+fixture.ID, "forged", nil); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: a forged token gets %d", mode, w.Code)
		}
		send(handler, http.MethodGet, "/v2/vendors/"+fixture.ID, token, nil)
		repeated := send(handler, http.MethodGet, "/v2/vendors/"+fixture.ID, token, nil)
		if policies := repeated.Header().Values("RateLimit-Policy"); !strings.Contains(strings.Join(policies, ","), "caller") {
			t.Errorf("%s: RateLimit-Policy is %q", mode, policies)
		}
		hit := strings.Contains(repeated.Header().Get("Cache-Status"), "; hit")
		if hit != (mode == subject.Cached) {
			t.Errorf("%s: Cache-Status is %q", mode, repeated.Header().Get("Cache-Status"))
		}
	}
}

func TestManyRoutes(t *testing.T) {
	for _, mode := range []subject.Mode{subject.Bare, subject.Venta} {
		handler, token := newHandler(t, mode, 1000)
		if w := send(handler, http.MethodGet, "/v2/vendors/"+fixture.ID, token, nil); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", mode, w.Code, w.Body)
		}
		// The first and the last of the others exist; neither has the vendor's path.
		for _, path := range []string{"/v2/collection0000/7", "/v2/collection0998/7"} {
			if w := send(handler, http.MethodDelete, path, token, nil); w.Code == http.StatusNotFound {
				t.Errorf("%s: %s is no route", mode, path)
			}
		}
		if w := send(handler, http.MethodGet, "/v2/collection0999/7", token, nil); w.Code != http.StatusNotFound {
			t.Errorf("%s: there are more routes than wanted", mode)
		}
	}
}

func TestUnknownMode(t *testing.T) {
	if _, err := subject.NewHandler(subject.Options{Mode: "bear"}); err == nil {
		t.Error("no error")
	}
}
