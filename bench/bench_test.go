package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/venta-hq/venta/bench/internal/subject"
)

// BenchmarkGet is one request through the handler of a subject to a backend in
// this process: no network, no server. Compare with
//
//	go test -run '^$' -bench Get -benchmem -count 10 ./bench | benchstat -col /gateway -
func BenchmarkGet(b *testing.B) {
	loads := []struct{ name, path string }{{"one", onePath}, {"list", listPath}}
	for _, load := range loads {
		for _, mode := range []subject.Mode{subject.Bare, subject.Venta, subject.Policies, subject.Cached} {
			b.Run("load="+load.name+"/gateway="+string(mode), func(b *testing.B) {
				server, token := newSubject(b, mode, 0)
				serve(b, server.Config.Handler, load.path, token)
			})
		}
	}
}

func serve(b *testing.B, handler http.Handler, path, token string) {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+token)
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		w.status = http.StatusOK
		handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatalf("status %d", w.status)
		}
	}
}

// TestAllocations holds the gateway with every policy to fewer allocations than
// grpc-gateway needs without any, and a hit to half of them.
func TestAllocations(t *testing.T) {
	allocations := func(mode subject.Mode) float64 {
		server, token := newSubject(t, mode, 0)
		r := httptest.NewRequest(http.MethodGet, onePath, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		w := &discard{header: http.Header{}}
		return testing.AllocsPerRun(200, func() {
			clear(w.header)
			server.Config.Handler.ServeHTTP(w, r)
		})
	}
	bare := allocations(subject.Bare)
	if got := allocations(subject.Policies); got >= bare {
		t.Errorf("every policy: %v allocations, bare: %v", got, bare)
	}
	if got := allocations(subject.Cached); got > bare/2 {
		t.Errorf("hit: %v allocations, bare: %v", got, bare)
	}
}

// discard is a ResponseWriter that keeps nothing of the body.
type discard struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (w *discard) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *discard) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *discard) Write(p []byte) (int, error) { return len(p), nil }
