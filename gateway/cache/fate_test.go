package cache_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/venta-hq/venta/gateway/cache"
)

// TestBeginWrite has handlers that report their writes: what may have been done
// purges whatever the status, by tag and by URI, and nothing else does.
func TestBeginWrite(t *testing.T) {
	code := func(w http.ResponseWriter, status int) { w.WriteHeader(status) }
	tests := []struct {
		name   string
		write  http.HandlerFunc
		purges bool
	}{
		{"done", func(_ http.ResponseWriter, r *http.Request) { cache.BeginWrite(r.Context()) }, true},
		{"never sent", func(w http.ResponseWriter, _ *http.Request) { code(w, 503) }, false},
		{"sent, and nobody knows", func(w http.ResponseWriter, r *http.Request) { cache.BeginWrite(r.Context()); code(w, 503) }, true},
		{"sent, and refused", func(w http.ResponseWriter, r *http.Request) { cache.BeginWrite(r.Context()).Undone(); code(w, 503) }, false},
		{"one of two is under way", func(w http.ResponseWriter, r *http.Request) {
			cache.BeginWrite(r.Context())
			cache.BeginWrite(r.Context()).Undone()
			code(w, 404)
		}, true},
		{"the client has left before", func(w http.ResponseWriter, _ *http.Request) { code(w, 499) }, false},
		{"a success that nobody reported", func(w http.ResponseWriter, _ *http.Request) { code(w, 204) }, true},
		{"a panic before", func(http.ResponseWriter, *http.Request) { panic("boom") }, false},
		{"a panic behind", func(_ http.ResponseWriter, r *http.Request) { cache.BeginWrite(r.Context()); panic("boom") }, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newStore(t, cache.Options{CallsReported: true})
			reads := wrap(t, s, baseRule(), text("x"))
			get(reads, "/tagged", "X-Tags", "v")
			get(reads, "/a")
			invalidate, err := s.Invalidator(cache.InvalidateRule{
				Tags: func(*http.Request) ([]string, error) { return []string{"v"}, nil }, OnError: onError,
			})
			if err != nil {
				t.Fatal(err)
			}
			func() {
				defer func() { _ = recover() }()
				invalidate(s.InvalidateTargets(test.write)).ServeHTTP(httptest.NewRecorder(), request(http.MethodPut, "/a"))
			}()
			for _, target := range []string{"/tagged", "/a"} {
				if stored := get(reads, target, "Cache-Control", "only-if-cached").Code == http.StatusOK; stored == test.purges {
					t.Errorf("%s: stored = %v", target, stored)
				}
			}
		})
	}
	cache.BeginWrite(t.Context()).Undone() // there is nobody to tell
}
