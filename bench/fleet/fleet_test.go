//go:build unix

package fleet

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// contest is a load and the handlers that bear it.
type contest struct {
	load     string
	clients  int // at once, for each core
	warm     int // requests before
	requests requests
	entrants []entrant // the first is what the others are compared with
}

type entrant struct {
	name    string
	handler http.Handler
	want    want
}

// requests returns the source of one client's requests. What it returns is the
// client's alone.
type requests func() func(i int) *http.Request

// want tells whether a response is what is measured.
type want func(*httptest.ResponseRecorder) bool

// group makes contests, which end with the test.
type group func(t testing.TB) []contest

// groups are all but the stampede.
var groups = map[string]group{"local": localLimits, "shared": sharedLimits, "hit": hits, "gateway": gateways}

func BenchmarkLocal(b *testing.B)   { compete(b, localLimits(b)) }
func BenchmarkShared(b *testing.B)  { compete(b, sharedLimits(b)) }
func BenchmarkHit(b *testing.B)     { compete(b, hits(b)) }
func BenchmarkGateway(b *testing.B) { compete(b, gateways(b)) }

func compete(b *testing.B, contests []contest) {
	for _, c := range contests {
		b.Run(c.load, func(b *testing.B) {
			for _, s := range c.entrants {
				s.warm(c)
				b.Run(s.name, func(b *testing.B) { measure(b, c, s) })
			}
		})
	}
}

func measure(b *testing.B, c contest, s entrant) {
	status := s.await(b, c.requests)
	b.SetParallelism(c.clients)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		next := c.requests()
		w := &discard{header: make(http.Header)}
		for i := rand.IntN(1 << 20); pb.Next(); i++ {
			clear(w.header)
			w.status = http.StatusOK
			s.handler.ServeHTTP(w, next(i))
			if w.status != status {
				b.Errorf("status %d, want %d", w.status, status)
				return
			}
		}
	})
}

// warm lets what is measured for many keys know them.
func (s entrant) warm(c contest) {
	next := c.requests()
	for i := range c.warm {
		s.handler.ServeHTTP(&discard{header: make(http.Header)}, next(i))
	}
}

// await sends requests, each for something else, until a response is what is
// measured, and returns its status.
func (s entrant) await(t testing.TB, source requests) (status int) {
	t.Helper()
	next, i := source(), 0
	redistest.Eventually(t, func() bool {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, next(i))
		i++
		status = w.Code
		return s.want(w)
	})
	return status
}

// TestEntrants sends every entrant what it is measured by.
func TestEntrants(t *testing.T) {
	for name, contests := range groups {
		t.Run(name, func(t *testing.T) {
			for _, c := range contests(t) {
				for _, s := range c.entrants {
					t.Run(c.load+"/"+s.name, func(t *testing.T) { s.await(t, c.requests) })
				}
			}
		})
	}
}

func isOK(w *httptest.ResponseRecorder) bool { return w.Code == http.StatusOK }

func isRefused(w *httptest.ResponseRecorder) bool { return w.Code == http.StatusTooManyRequests }

// discard is a client that costs nothing.
type discard struct {
	header http.Header
	status int
}

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) WriteHeader(status int)      { w.status = status }
func (w *discard) Write(p []byte) (int, error) { return len(p), nil }
