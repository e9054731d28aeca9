package admin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/admin"
)

// says returns a handler that responds with its name and the path that it saw.
func says(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, name+" "+r.URL.Path)
	})
}

func newHandler(t *testing.T, o admin.Options) http.Handler {
	t.Helper()
	handler, err := admin.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func TestOthers(t *testing.T) {
	o := admin.Options{Health: says("health"), Others: map[string]http.Handler{"GET /mine/{x}": says("mine")}}
	w := httptest.NewRecorder()
	newHandler(t, o).ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/mine/1", nil))
	if w.Body.String() != "mine /mine/1" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	for _, pattern := range []string{
		"GET /livez", "no pattern", "GET /mine/{", "/livez", "HEAD /livez", "GET  /livez", "GET\t/livez", "GET /{$}", "/{$}", "GET a.example/livez", "a.example/livez",
	} {
		o.Others = map[string]http.Handler{pattern: says("mine")}
		if _, err := admin.New(o); err == nil || !strings.Contains(err.Error(), strconv.Quote(pattern)) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestPaths(t *testing.T) {
	both := admin.Options{Health: says("health"), Metrics: says("metrics")}
	tests := []struct {
		request string
		options admin.Options
		status  int
		body    string // "": any
	}{
		{"GET /livez", both, 200, "health /livez"},
		{"GET /readyz", both, 200, "health /readyz"},
		{"GET /health", both, 200, "health /health"},
		{"HEAD /health", both, 200, ""},
		{"GET /metrics", both, 200, "metrics /metrics"},
		{"POST /metrics", both, 405, ""},
		{"DELETE /livez", both, 405, ""},
		{"GET /", both, 200, "/health\n/livez\n/metrics\n/readyz\n/startupz\n"},
		{"GET /metrics/x", both, 404, ""},
		{"GET /v2/vendors", both, 404, ""},
		{"GET /metrics", admin.Options{Health: says("health")}, 404, ""},
		{"GET /", admin.Options{Health: says("health")}, 200, "/health\n/livez\n/readyz\n/startupz\n"},
		{"GET /livez", admin.Options{Metrics: says("metrics")}, 404, ""},
		{"GET /", admin.Options{}, 200, "\n"},
		{"GET /", admin.Options{API: says("api"), Page: says("page")}, 200, "/api/\n/api/me\n"},
		{"GET /api/methods", admin.Options{API: says("api")}, 200, "api /api/methods"},
		{"GET /assets/a.js", admin.Options{Page: says("page")}, 200, "page /assets/a.js"},
		{"GET /assets/a.js", admin.Options{}, 404, ""},
	}
	for _, test := range tests {
		t.Run(test.request, func(t *testing.T) {
			verb, path, _ := strings.Cut(test.request, " ")
			w := httptest.NewRecorder()
			newHandler(t, test.options).ServeHTTP(w, httptest.NewRequest(verb, "http://localhost"+path, nil))
			if w.Code != test.status || test.body != "" && w.Body.String() != test.body {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			if got := w.Header().Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
}

// TestPageNeedsNoToken holds that where tokens are needed the page's files are for
// everybody, as they tell nothing, and everything that tells is not.
func TestPageNeedsNoToken(t *testing.T) {
	handler := newHandler(t, admin.Options{
		Page: says("page"), API: says("api"),
		Access: admin.Access{Verify: func(context.Context, string) (admin.Operator, error) { return admin.Operator{}, errors.New("no") }},
	})
	for request, want := range map[string]int{
		"/ text/html": http.StatusOK, "/assets/a.js text/html": http.StatusOK, "/ */*": http.StatusUnauthorized, "/api/methods text/html": http.StatusUnauthorized,
	} {
		path, accept, _ := strings.Cut(request, " ")
		r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: %d", request, w.Code)
		}
	}
}

// TestPageIsForBrowsers holds that whoever takes HTML gets the page at /, and that
// caches in between know.
func TestPageIsForBrowsers(t *testing.T) {
	handler := newHandler(t, admin.Options{Page: says("page"), Metrics: says("metrics")})
	for accept, want := range map[string]string{"text/html,*/*;q=0.8": "page /", "*/*": "/metrics\n", "": "/metrics\n"} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Body.String() != want || w.Header().Get("Vary") != "Accept" {
			t.Errorf("%q: %q %v", accept, w.Body, w.Header())
		}
	}
}
