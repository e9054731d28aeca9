package cache

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/policy"
)

// halver encodes everything as half of it.
type halver struct{ encoded int }

func (*halver) Choose(*http.Request) string { return "half" }
func (*halver) Fit(http.Header, int) bool   { return true }
func (*halver) Tag(string, string) string   { return "" }
func (h *halver) Encode(_ string, b []byte) ([]byte, error) {
	h.encoded++
	return append([]byte(nil), b[:len(b)/2]...), nil
}

// flooded returns a store and a handler that caches by URL.
func flooded(t testing.TB, opts Options, body []byte) (*Store, http.Handler) {
	t.Helper()
	s, err := NewStore(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, floodedBy(t, s, body)
}

// floodedBy returns a handler before a store.
func floodedBy(t testing.TB, s *Store, body []byte) http.Handler {
	t.Helper()
	middleware, err := s.Middleware(Rule{
		Name:       "flood",
		Policy:     policy.Cache{TTL: time.Hour},
		Key:        func(r *http.Request) (string, bool, error) { return r.URL.Path, true, nil },
		KeyFromURL: true,
		OnError:    func(http.ResponseWriter, *http.Request, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
}

// TestMemoryBoundOfEverything has far more keys than fit, each with a hit that
// is encoded and a URL that is remembered.
func TestMemoryBoundOfEverything(t *testing.T) {
	const maxBytes, keys = 4 << 20, 10_000
	path := func(i int) string { return fmt.Sprint("/", i, strings.Repeat("k", i%300)) }
	s, h := flooded(t, Options{MaxBytes: maxBytes, Encoder: &halver{}}, make([]byte, 1000))
	before := heap()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "half")
	for i := range keys {
		r.URL.Path = path(i)
		for range 3 {
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		if stored, urls := s.memory.Bytes(), s.urls.Bytes(); stored > maxBytes || urls > maxBytes/16 {
			t.Fatalf("%d bytes and URLs of %d are stored after %d responses", stored, urls, i)
		}
	}
	if s.urls.Bytes() == 0 {
		t.Error("no URL is remembered")
	}
	encoded := 0
	for i := range keys {
		r.URL.Path = path(i)
		k, _, _, err := h.(*handler).finder.keys.compose(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range s.memory.Variants(k) {
			if p, ok := v.Encoded("half"); ok && len(p.Body) == 500 {
				encoded++
			}
		}
	}
	if encoded == 0 {
		t.Error("no encoding is stored")
	}
	if grown := heap() - before; grown > (maxBytes+maxBytes/16)*3/2 {
		t.Errorf("the heap has grown by %d bytes for %d that may be stored", grown, int64(maxBytes))
	}
}

// TestEncodingsAreBounded holds that an encoding which an entry has no room for
// is not kept, nor made again for each hit.
func TestEncodingsAreBounded(t *testing.T) {
	encoder := &halver{}
	_, h := flooded(t, Options{Encoder: encoder, MaxEntryBytes: 2800}, make([]byte, 1200))
	r := httptest.NewRequest(http.MethodGet, "/a", nil)
	r.Header.Set("Accept-Encoding", "half")
	for i := range 4 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		hit := strings.Contains(w.Header().Get(cacheStatus), "hit")
		if w.Body.Len() != 1200 || hit != (i > 0) {
			t.Errorf("%d bytes, %v", w.Body.Len(), w.Header())
		}
	}
	if encoder.encoded != 1 {
		t.Errorf("encoded %d times", encoder.encoded)
	}
}

// TestLateEncoder holds that a request which has looked before an encoding was
// stored does not make another.
func TestLateEncoder(t *testing.T) {
	encoder := &halver{}
	s, served := flooded(t, Options{Encoder: encoder}, make([]byte, 1000))
	h := served.(*handler)
	r := httptest.NewRequest(http.MethodGet, "/a", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	k, _, _, err := h.finder.keys.compose(r)
	variants := s.memory.Variants(k)
	if err != nil || len(variants) != 1 {
		t.Fatalf("%d responses are stored, %v", len(variants), err)
	}
	for range 3 {
		if p := (encodings{h.route}).add(r, k, variants[0], "half"); len(p.Body) != 500 {
			t.Errorf("%d bytes", len(p.Body))
		}
	}
	if encoder.encoded != 1 {
		t.Errorf("encoded %d times", encoder.encoded)
	}
}

// TestStoreKeepsNoRouteAlive holds that what is stored and remembered for a
// handler that has been replaced does not keep it, its rule or what they reach.
func TestStoreKeepsNoRouteAlive(t *testing.T) {
	s, err := NewStore(Options{Encoder: &halver{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	served := func() weak.Pointer[route] {
		h := floodedBy(t, s, make([]byte, 1000))
		r := httptest.NewRequest(http.MethodGet, "/a", nil)
		r.Header.Set("Accept-Encoding", "half")
		for range 3 {
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		return weak.Make(h.(*handler).route)
	}()
	if s.urls.Bytes() == 0 || s.memory.Bytes() == 0 {
		t.Fatal("nothing is stored")
	}
	heap()
	if served.Value() != nil {
		t.Error("a route that nobody uses is still there")
	}
}

// BenchmarkDistinctKeys fetches a new key each time. The first tenth begins with
// an empty store; "slowdown" is the time of a request after it to one of it, and
// "heap/bound" the whole heap at the end. Try -benchtime 10000000x.
func BenchmarkDistinctKeys(b *testing.B) {
	const maxBytes = 64 << 20
	s, h := flooded(b, Options{MaxBytes: maxBytes}, make([]byte, 1000))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	fetch := func(from, to int) float64 {
		began := time.Now()
		for i := from; i < to; i++ {
			r.URL.Path = fmt.Sprint("/", i)
			h.ServeHTTP(nobody{make(http.Header)}, r)
		}
		return float64(time.Since(began)) / float64(max(to-from, 1))
	}
	b.ReportAllocs()
	b.ResetTimer()
	first := fetch(0, b.N/10)
	rest := fetch(b.N/10, b.N)
	b.StopTimer()
	b.ReportMetric(rest/max(first, 1), "slowdown")
	b.ReportMetric(float64(heap())/maxBytes, "heap/bound")
	b.ReportMetric(float64(s.memory.Bytes())/maxBytes, "stored/bound")
}

// TestLateLeader holds that a request which found nothing, and by then leads a
// flight though another has landed in between, does not fetch again.
func TestLateLeader(t *testing.T) {
	s, err := NewStore(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var h http.Handler
	calls, nested := 0, false
	fetch := func() string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/a", nil))
		return w.Header().Get(cacheStatus)
	}
	middleware, err := s.Middleware(Rule{
		Name:   "late",
		Policy: policy.Cache{TTL: time.Hour},
		Key:    func(r *http.Request) (string, bool, error) { return r.URL.Path, true, nil },
		Tags: func(*http.Request) ([]string, error) { // between the look and the flight
			if !nested {
				nested = true
				fetch()
			}
			return nil, nil
		},
		OnError: func(http.ResponseWriter, *http.Request, error) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	h = middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = w.Write([]byte("x"))
	}))
	if got := fetch(); got != "venta; hit; ttl=3600" || calls != 1 {
		t.Errorf("%s, %d calls", got, calls)
	}
	if s.flights.Open() > 0 {
		t.Error("a flight is still open")
	}
}

// TestAgeIsNotShared holds that what hits share of Age and Cache-Status is that
// of their second, under many at once.
func TestAgeIsNotShared(t *testing.T) {
	terms := memory.Terms{Freshness: rfc9111.Freshness{Born: time.Now(), Lifetime: time.Hour}}
	v := memory.Restored(nil, nil, terms, memory.Key{}, nil)
	done := make(chan string, 8)
	for range cap(done) {
		go func() {
			for range 5000 {
				age := rand.IntN(50)
				header := http.Header{}
				setAge(header, v, statusHit, true, v.Born.Add(time.Duration(age)*time.Second))
				if want := fmt.Sprint("venta; hit; ttl=", 3600-age); header.Get("Age") != fmt.Sprint(age) || header.Get(cacheStatus) != want {
					done <- fmt.Sprint(age, header)
					return
				}
			}
			done <- ""
		}()
	}
	for range cap(done) {
		if wrong := <-done; wrong != "" {
			t.Error(wrong)
		}
	}
}

// TestHitDoesNotAllocate holds the price of a hit where it can be counted.
func TestHitDoesNotAllocate(t *testing.T) {
	_, h := flooded(t, Options{}, []byte("x"))
	r := httptest.NewRequest(http.MethodGet, "/a", nil)
	w := nobody{make(http.Header)}
	h.ServeHTTP(w, r)
	allocs := testing.AllocsPerRun(1000, func() {
		clear(w.header)
		h.ServeHTTP(w, r)
	})
	if allocs >= 1 { // one a second, when the age changes
		t.Errorf("%v allocations a hit", allocs)
	}
}

// heap returns the bytes that live on the heap.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
