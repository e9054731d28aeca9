package rediscache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

var page = strings.Repeat("x", 1400)

func servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(page))
}

// discard is a client that costs nothing.
type discard struct{ header http.Header }

func (w discard) Header() http.Header         { return w.header }
func (w discard) WriteHeader(int)             {}
func (w discard) Write(p []byte) (int, error) { return len(p), nil }

// fetch calls a handler from all cores, 16 clients each, and wants a response like want.
func fetch(b *testing.B, h http.Handler, want func(*httptest.ResponseRecorder) bool, keys int) {
	b.Helper()
	requests := make([]*http.Request, keys)
	for i := range requests {
		requests[i] = request(i)
	}
	redistest.Eventually(b, func() bool {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, requests[0])
		return want(w)
	})
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		w := discard{make(http.Header)}
		for i := rand.IntN(keys); pb.Next(); i++ {
			clear(w.header)
			h.ServeHTTP(w, requests[i%keys])
		}
	})
}

func request(i int) *http.Request {
	return httptest.NewRequest(http.MethodGet, fmt.Sprint("/", i), nil)
}

// manyKeys are more than what is pending in memory by who measures Redis.
const manyKeys = 4096

// benchmarkStore serves the page through a Store.
func benchmarkStore(b *testing.B, change ...func(*options)) (*process, http.Handler) {
	_, p := fleet(b, 1, new(backend), change...)
	rule := testRule()
	rule.OnOutcome = func(_ *http.Request, o cache.Outcome) {
		if o != cache.Hit {
			p[0].events.add(cache.Event(o))
		}
	}
	middleware, err := p[0].store.Middleware(rule)
	if err != nil {
		b.Fatal(err)
	}
	return p[0], middleware(http.HandlerFunc(servePage))
}

func BenchmarkLevel1(b *testing.B) {
	_, h := benchmarkStore(b)
	fetch(b, h, isHit, 1)
}

// BenchmarkLevel2 has a memory that holds nothing for long: each response is found
// in Redis, unless another request has just brought it.
func BenchmarkLevel2(b *testing.B) {
	p, h := benchmarkStore(b, func(o *options) { o.store.MaxBytes, o.store.MaxEntryBytes = 16<<10, 8<<10 })
	for i := range manyKeys {
		h.ServeHTTP(discard{make(http.Header)}, request(i))
	}
	awaitStored(b, p, manyKeys)
	fetch(b, h, isRemoteHit, manyKeys)
	b.ReportMetric(float64(p.events.of("remote_hit"))/float64(b.N), "remote-hits/op")
}

// rawClient is the library without anything of ours.
func rawClient(b *testing.B, cached bool) rueidis.Client {
	server := redistest.Start(b)
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr}, DisableCache: !cached})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	for i := range manyKeys {
		if err := c.Do(context.Background(), c.B().Set().Key(fmt.Sprint("/", i)).Value(page).Build()).Error(); err != nil {
			b.Fatal(err)
		}
	}
	return c
}

func isPage(w *httptest.ResponseRecorder) bool { return w.Body.Len() == len(page) }

// BenchmarkHandwrittenGet is the least that a handler can do: one GET, and what
// is stored are the bytes of the body.
func BenchmarkHandwrittenGet(b *testing.B) {
	c := rawClient(b, false)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, err := c.Do(r.Context(), c.B().Get().Key(r.URL.Path).Build()).AsBytes()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(value)
	})
	fetch(b, h, isPage, manyKeys)
}

// BenchmarkHandwrittenClientSide is the same with the library's client-side
// caching: a hit in memory that Redis invalidates.
func BenchmarkHandwrittenClientSide(b *testing.B) {
	c := rawClient(b, true)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, err := c.DoCache(r.Context(), c.B().Get().Key(r.URL.Path).Cache(), time.Minute).AsBytes()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(value)
	})
	fetch(b, h, isPage, 1)
}

// BenchmarkPurge measures from the write's end to the acknowledgement of all
// processes, which is when its response leaves.
func BenchmarkPurge(b *testing.B) {
	for _, n := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(n, " processes"), func(b *testing.B) {
			_, p := fleet(b, n, new(backend))
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if d := p[0].store.PurgeEverywhere(b.Context(), "value:/a", "list"); !d.Complete() || d.Processes != n {
					b.Fatalf("%+v", d)
				}
				took = append(took, time.Since(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "p99-ns")
		})
	}
}
