package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/admin"
)

func browsed(t *testing.T) func(verb, path, host string, fields ...string) int {
	t.Helper()
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	handler, err := admin.New(admin.Options{
		Metrics: ok, Purge: ok, Policies: ok, Health: ok, Hosts: []string{"Gateway.internal"}, Others: map[string]http.Handler{"DELETE /own": ok},
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(verb, path, host string, fields ...string) int {
		r := httptest.NewRequest(verb, path, nil)
		r.Host = host
		for i := 0; i < len(fields); i += 2 {
			r.Header.Set(fields[i], fields[i+1])
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
}

// A page can make its own name lead to the admin address, but it cannot make its
// browser say another name.
func TestOnlyOwnHosts(t *testing.T) {
	do := browsed(t)
	for _, host := range []string{
		"127.0.0.1:8081", "10.42.0.17:8081", "[::1]:8081", "[fe80::1%25eth0]:8081", "[2001:db8::1]", "::1", "localhost:8081", "LOCALHOST",
		"", "localhost.", "venta.localhost:8081", "gateway.internal:8081", "GATEWAY.internal", "gateway.internal.",
	} {
		for _, got := range []int{do("GET", "/metrics", host), do("POST", "/cache/purge", host), do("GET", "/livez", host)} {
			if got != http.StatusOK {
				t.Errorf("%q: %d", host, got)
			}
		}
	}
	for _, host := range []string{
		"evil.example", "evil.example:8081", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost", "gateway.internal.evil.example",
		"x.gateway.internal", "127.0.0.1.nip.io:8081", "0x7f000001:8081", "2130706433", "127.1", "[::1].evil.example:1", "gateway", "127.0.0.1:1:2",
	} {
		for _, path := range []string{"/metrics", "/policies", "/livez", "/", "/nowhere"} {
			if got := do("GET", path, host); got != http.StatusMisdirectedRequest {
				t.Errorf("GET %s of %q: %d", path, host, got)
			}
		}
		if got := do("POST", "/cache/purge", host); got != http.StatusMisdirectedRequest {
			t.Errorf("purge by %q: %d", host, got)
		}
	}
}

func TestForeignPagesChangeNothing(t *testing.T) {
	do := browsed(t)
	const host = "127.0.0.1:8081"
	for _, test := range []struct {
		verb, path string
		fields     []string
		want       int
	}{
		{"POST", "/cache/purge", nil, 200}, // no browser
		{"POST", "/cache/purge", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:8081"}, 200},
		{"POST", "/cache/purge", []string{"Sec-Fetch-Site", "none"}, 200},
		{"POST", "/cache/purge", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", "/cache/purge", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"POST", "/cache/purge", []string{"Origin", "https://evil.example"}, 403},
		{"POST", "/cache/purge", []string{"Origin", "null"}, 403},
		{"POST", "/cache/purge", []string{"Origin", "http://127.0.0.1:9999"}, 403},
		{"POST", "/cache/purge", []string{"Origin", "http://127.0.0.1:8081"}, 200},
		{"DELETE", "/own", []string{"Origin", "https://evil.example"}, 403},
		{"GET", "/metrics", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 200}, // it cannot read it
	} {
		if got := do(test.verb, test.path, host, test.fields...); got != test.want {
			t.Errorf("%s %s %q: %d, want %d", test.verb, test.path, test.fields, got, test.want)
		}
	}
}

// TestRefusalsOfTheAPIAreJSON as everything else of it, and those of pages text.
func TestRefusalsOfTheAPIAreJSON(t *testing.T) {
	handler := newHandler(t, admin.Options{
		API: says("api"), Overrides: says("overrides"), Purge: says("purge"),
		Access: admin.Access{Verify: func(context.Context, string) (admin.Operator, error) { return admin.Operator{}, errors.New("no") }},
	})
	for _, test := range []struct {
		request, host, origin, want string
	}{
		{"GET /api/me", "localhost", "", `{"error":"this needs a token: Authorization: Bearer TOKEN"}`},
		{"POST /api/overrides", "localhost", "", `{"error":"this needs a token: Authorization: Bearer TOKEN"}`},
		{"POST /api/overrides", "localhost", "https://evil.example", `{"error":"a page of another origin changes nothing here"}`},
		{"DELETE /api/overrides/m1", "localhost", "https://evil.example", `{"error":"a page of another origin changes nothing here"}`},
		{"GET /api/overrides", "evil.example", "", `{"error":"this host is no name`},
		{"POST /cache/purge", "localhost", "https://evil.example", "a page of another origin changes nothing here"},
	} {
		verb, path, _ := strings.Cut(test.request, " ")
		r := httptest.NewRequest(verb, path, nil)
		r.Host = test.host
		if test.origin != "" {
			r.Header.Set("Origin", test.origin)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if !strings.HasPrefix(w.Body.String(), test.want) || w.Code < 400 {
			t.Errorf("%s: %d %s", test.request, w.Code, w.Body)
		}
	}
}
