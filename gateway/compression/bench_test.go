package compression_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/venta-hq/venta/gateway/compression"
)

// discard is a client that costs nothing.
type discard struct {
	header http.Header
	bytes  int
}

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) WriteHeader(int)             {}
func (w *discard) Write(p []byte) (int, error) { w.bytes += len(p); return len(p), nil }

// typed is shared by all responses, to count the middleware's allocations alone.
var typed = []string{"application/json"}

// plainAnswers are those that stay as they are.
var plainAnswers = map[string]struct {
	size    int
	declare bool
	request []string
}{
	"short":              {200, false, []string{accept, "gzip, deflate, br, zstd"}},
	"short, declared":    {200, true, []string{accept, "gzip, deflate, br, zstd"}},
	"nothing accepted":   {25_000, false, nil},
	"cookie":             {25_000, false, []string{accept, "gzip, deflate, br, zstd", "Cookie", "a=b"}},
	"condition, no such": {200, false, []string{accept, "gzip", "If-None-Match", `"abc"`}},
}

func plainHandler(t testing.TB, size int, declare bool) http.Handler {
	body := list(size)[:size]
	length := []string{strconv.Itoa(size)}
	return wrap(t, compression.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"] = typed
		if declare {
			h["Content-Length"] = length
		}
		_, _ = w.Write(body)
	})
}

func TestAllocationsOfPlainAnswers(t *testing.T) {
	for name, tt := range plainAnswers {
		h := plainHandler(t, tt.size, tt.declare)
		r := request(http.MethodGet, "/", tt.request...)
		w := &discard{header: make(http.Header)}
		got := testing.AllocsPerRun(100, func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		})
		if got > 2 {
			t.Errorf("%s: %.0f allocations", name, got)
		}
	}
}

func BenchmarkPlain(b *testing.B) {
	for name, tt := range plainAnswers {
		b.Run(name, func(b *testing.B) {
			h := plainHandler(b, tt.size, tt.declare)
			r := request(http.MethodGet, "/", tt.request...)
			w := &discard{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// BenchmarkLevels is what the default levels were chosen by.
func BenchmarkLevels(b *testing.B) {
	for _, size := range []int{2_000, 25_000} {
		for _, level := range []struct {
			coding  string
			options compression.Options
		}{
			{"gzip", compression.Options{GzipLevel: 1}},
			{"gzip", compression.Options{GzipLevel: 5}},
			{"gzip", compression.Options{GzipLevel: 6}},
			{"br", compression.Options{BrotliLevel: 2}},
			{"br", compression.Options{BrotliLevel: 3}},
			{"br", compression.Options{BrotliLevel: 4}},
			{"br", compression.Options{BrotliLevel: 5}},
			{"zstd", compression.Options{ZstdLevel: 1}},
			{"zstd", compression.Options{ZstdLevel: 2}},
			{"zstd", compression.Options{ZstdLevel: 3}},
		} {
			o := level.options
			name := fmt.Sprintf("%d/%s-%d", size, level.coding, max(o.GzipLevel, o.BrotliLevel, o.ZstdLevel))
			b.Run(name, func(b *testing.B) { benchmarkLevel(b, list(size), level.coding, o) })
		}
	}
}

func benchmarkLevel(b *testing.B, body []byte, coding string, o compression.Options) {
	h := wrap(b, o, serves(body))
	r := request(http.MethodGet, "/", accept, coding)
	w := &discard{header: make(http.Header)}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		w.bytes = 0
		h.ServeHTTP(w, r)
	}
	b.ReportMetric(100*float64(w.bytes)/float64(len(body)), "%size")
}
