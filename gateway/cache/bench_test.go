package cache_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/venta-hq/venta/gateway/cache"
)

// discard is a client that costs nothing.
type discard struct{ header http.Header }

func (w discard) Header() http.Header         { return w.header }
func (w discard) WriteHeader(int)             {}
func (w discard) Write(p []byte) (int, error) { return len(p), nil }

func benchmark(b *testing.B, next http.HandlerFunc, fields ...string) {
	rule := baseRule()
	rule.Key = func(r *http.Request) (string, bool, error) { return r.URL.Path, true, nil }
	rule.Policy.VaryHeaders = []string{"Accept-Language"}
	h := wrap(b, newStore(b, cache.Options{}), rule, next)
	get(h, "/a", "X-Tags", "vendor:1 list")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := request(http.MethodGet, "/a", fields...)
		w := discard{make(http.Header)}
		for pb.Next() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
	})
}

func response(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(strings.Repeat("x", 1400)))
}

func BenchmarkHit(b *testing.B) { benchmark(b, response) }

func BenchmarkHitNotModified(b *testing.B) { benchmark(b, response, "If-None-Match", "*") }

func BenchmarkMiss(b *testing.B) { benchmark(b, response, "Cache-Control", "no-cache") }

func BenchmarkBypass(b *testing.B) { benchmark(b, response, "Range", "bytes=0-") }

func BenchmarkPurge(b *testing.B) {
	s := newStore(b, cache.Options{})
	b.ReportAllocs()
	for b.Loop() {
		s.Purge("vendor:1", "list")
	}
}

// BenchmarkHitByHand is what a hit is measured against: a map of bytes, without
// freshness, conditions, variants, purges, bounds or Cache-Status.
func BenchmarkHitByHand(b *testing.B) {
	var entries sync.Map
	entries.Store("example.com/a", []byte(strings.Repeat("x", 1400)))
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := entries.Load(r.Host + r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header()["Content-Type"] = []string{"application/json"}
		w.Header()["Content-Length"] = []string{"1400"}
		_, _ = w.Write(body.([]byte))
	})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := request(http.MethodGet, "/a")
		w := discard{make(http.Header)}
		for pb.Next() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
	})
}
