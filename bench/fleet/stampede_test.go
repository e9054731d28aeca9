//go:build unix

package fleet

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"golang.org/x/sync/singleflight"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

const (
	crowd     = 1000 // requests at once
	processes = 4    // that share them
)

// slowPage is an upstream that takes its time and counts its calls.
type slowPage struct{ calls, keys atomic.Int64 }

// coldKey returns a page that nobody has requested.
func (s *slowPage) coldKey() string { return fmt.Sprint("/cold/", s.keys.Add(1)) }

func (s *slowPage) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.calls.Add(1)
	<-time.After(10 * time.Millisecond)
	servePage(w, nil)
}

// stampede makes the processes of a fleet before one upstream.
type stampede struct {
	name  string
	start func(t testing.TB, server *redistest.Server, upstream http.Handler) http.Handler
	calls int64 // at most, for each cold key
}

var stampedes = []stampede{
	{"singleflight, SET by hand", collapsing, processes},
	{"venta", sharing, 1},
}

// sharing waits for another process for as long as a busy machine may take.
func sharing(t testing.TB, server *redistest.Server, upstream http.Handler) http.Handler {
	t.Helper()
	return startGateway(t, server, cache.Options{MaxRemoteWait: 10 * time.Second}, upstream.ServeHTTP)
}

// collapsing reads Redis, and then calls the upstream, once in each process.
func collapsing(t testing.TB, server *redistest.Server, upstream http.Handler) http.Handler {
	c := openLibrary(t, server.Addr, false)
	var flights singleflight.Group
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err, _ := flights.Do(r.URL.Path, func() (any, error) {
			body, err := c.Do(r.Context(), c.B().Get().Key(r.URL.Path).Build()).AsBytes()
			if !rueidis.IsRedisNil(err) {
				return body, err
			}
			response := httptest.NewRecorder()
			upstream.ServeHTTP(response, r)
			return response.Body.Bytes(), c.Do(r.Context(), c.B().Set().Key(r.URL.Path).Value(response.Body.String()).ExSeconds(60).Build()).Error()
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		write(w, body.([]byte))
	})
}

// BenchmarkStampede is one cold key that all request at once.
func BenchmarkStampede(b *testing.B) {
	b.Run(fmt.Sprintf("stampede: %d requests to %d processes", crowd, processes), func(b *testing.B) {
		for _, s := range stampedes {
			upstream, fleet := s.fleet(b)
			b.Run(s.name, func(b *testing.B) {
				before, cold := upstream.calls.Load(), 0
				b.ReportAllocs()
				for b.Loop() {
					rush(b, fleet, upstream.coldKey())
					cold++
				}
				calls := upstream.calls.Load() - before
				if calls < int64(cold) || calls > s.calls*int64(cold) {
					b.Errorf("%d upstream calls for %d cold keys, want at most %d for each", calls, cold, s.calls)
				}
				b.ReportMetric(float64(calls)/float64(cold), "upstream-calls/op")
			})
		}
	})
}

// TestStampede is the benchmark's claim.
func TestStampede(t *testing.T) {
	for _, s := range stampedes {
		t.Run(s.name, func(t *testing.T) {
			upstream, fleet := s.fleet(t)
			rush(t, fleet, upstream.coldKey())
			if calls := upstream.calls.Load(); calls < 1 || calls > s.calls {
				t.Errorf("%d upstream calls, want 1 to %d", calls, s.calls)
			}
		})
	}
}

func (s stampede) fleet(t testing.TB) (*slowPage, []http.Handler) {
	server, upstream := redistest.Start(t), new(slowPage)
	all := make([]http.Handler, processes)
	for i := range all {
		all[i] = s.start(t, server, upstream)
	}
	return upstream, all
}

// rush sends the crowd at once, and returns when all have their responses.
func rush(t testing.TB, fleet []http.Handler, key string) {
	var all sync.WaitGroup
	gate := make(chan struct{})
	for i := range crowd {
		all.Go(func() {
			r := httptest.NewRequest(http.MethodGet, key, http.NoBody)
			<-gate
			w := &discard{header: make(http.Header), status: http.StatusOK}
			fleet[i%len(fleet)].ServeHTTP(w, r)
			if w.status != http.StatusOK {
				t.Errorf("status %d", w.status)
			}
		})
	}
	close(gate)
	all.Wait()
}
