package cache_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStore(t testing.TB, opts cache.Options) *cache.Store {
	t.Helper()
	s, err := cache.NewStore(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// baseRule caches by path and query for a minute, under the tags of X-Tags.
func baseRule() cache.Rule {
	return cache.Rule{
		Policy: policy.Cache{TTL: time.Minute, Audience: policy.AudiencePublic},
		Name:   "venta.test.v1.Test.Get",
		Key:    func(r *http.Request) (string, bool, error) { return r.URL.RequestURI(), true, nil },
		Tags: func(r *http.Request) ([]string, error) {
			return strings.Fields(r.Header.Get("X-Tags")), nil
		},
		Principal: func(r *http.Request) string { return r.Header.Get("X-Principal") },
		OnError:   onError,
	}
}

func onError(w http.ResponseWriter, _ *http.Request, err error) {
	code := http.StatusInternalServerError
	if own := apierror.As(err); own != nil {
		code = http.StatusTeapot
		if own.HTTPStatus != 0 {
			code = own.HTTPStatus
		}
	}
	http.Error(w, err.Error(), code)
}

func wrap(t testing.TB, s *cache.Store, rule cache.Rule, next http.HandlerFunc) http.Handler {
	t.Helper()
	middleware, err := s.Middleware(rule)
	if err != nil {
		t.Fatal(err)
	}
	return middleware(next)
}

// counting counts the calls of a handler.
func counting(calls *atomic.Int64, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		next(w, r)
	}
}

// text responds with a body.
func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// get calls a handler, with header fields in pairs.
func get(h http.Handler, target string, fields ...string) *httptest.ResponseRecorder {
	return do(h, request(http.MethodGet, target, fields...))
}

func request(method, target string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	return r
}

func do(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func status(w *httptest.ResponseRecorder) string { return w.Header().Get("Cache-Status") }

// expect checks a response's code, body and Cache-Status.
func expect(t *testing.T, w *httptest.ResponseRecorder, code int, body, cacheStatus string) {
	t.Helper()
	if w.Code != code || w.Body.String() != body || status(w) != cacheStatus {
		t.Errorf("got %d %.60q %q, want %d %q %q", w.Code, w.Body, status(w), code, body, cacheStatus)
	}
}

const (
	stored = "venta; fwd=uri-miss; stored"
	missed = "venta; fwd=uri-miss"
	hit60  = "venta; hit; ttl=60"
)
