package cache_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

// refreshRule caches for a minute and serves what is stale for ten more.
func refreshRule() cache.Rule {
	rule := baseRule()
	rule.Policy.StaleWhileRevalidate = 10 * time.Minute
	return rule
}

// events counts a rule's events.
type events struct {
	mu     sync.Mutex
	counts map[cache.Event]int
}

func (e *events) in(rule cache.Rule) cache.Rule {
	e.counts = map[cache.Event]int{}
	rule.OnEvent = func(_ *http.Request, event cache.Event) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.counts[event]++
	}
	return rule
}

func (e *events) expect(t *testing.T, want map[cache.Event]int) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !maps.Equal(e.counts, want) {
		t.Errorf("events %v, want %v", e.counts, want)
	}
}

// numbered responds with how often it was called, a second after it was.
func numbered(calls *atomic.Int64, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		n := calls.Add(1)
		time.Sleep(time.Second) // virtual
		for i := 0; i < len(fields); i += 2 {
			w.Header().Add(fields[i], fields[i+1])
		}
		_, _ = fmt.Fprint(w, n)
	}
}

const (
	revalidating = "venta; hit; detail=stale-while-revalidate; ttl=-60"
	// fetched is the status of a response that was waited for.
	fetched = "venta; fwd=stale; stored"
)

func TestStaleWhileRevalidate(t *testing.T) {
	tests := []struct {
		name     string
		response []string // header fields
		request  []string
		after    time.Duration
		body     string
		want     string
		calls    int64 // in the end
	}{
		{"in the window", nil, nil, 2 * time.Minute, "1", revalidating, 2},
		{"after the window", nil, nil, 12 * time.Minute, "2", fetched, 2},
		{"must-revalidate", []string{"Cache-Control", "max-age=60, must-revalidate"}, nil, 2 * time.Minute, "2", fetched, 2},
		{"proxy-revalidate", []string{"Cache-Control", "max-age=60, proxy-revalidate"}, nil, 2 * time.Minute, "2", fetched, 2},
		{"s-maxage", []string{"Cache-Control", "s-maxage=60"}, nil, 2 * time.Minute, "2", fetched, 2},
		{"s-maxage and a window of its own", []string{"Cache-Control", "s-maxage=60, stale-while-revalidate=300"}, nil, 2 * time.Minute, "2", fetched, 2},
		{"the response allows less", []string{"Cache-Control", "max-age=60, stale-while-revalidate=30"}, nil, 2 * time.Minute, "2", fetched, 2},
		{"the response allows enough", []string{"Cache-Control", "max-age=60, stale-while-revalidate=61"}, nil, 2 * time.Minute, "1", revalidating, 2},
		{"the response cannot allow more", []string{"Cache-Control", "max-age=60, stale-while-revalidate=9999"}, nil, 12 * time.Minute, "2", fetched, 2},
		{"no-cache", nil, []string{"Cache-Control", "no-cache"}, 2 * time.Minute, "2", fetched, 2},
		{"max-age", nil, []string{"Cache-Control", "max-age=100"}, 2 * time.Minute, "2", fetched, 2},
		{"max-age that bears it", nil, []string{"Cache-Control", "max-age=120"}, 2 * time.Minute, "1", revalidating, 2},
		{"min-fresh", nil, []string{"Cache-Control", "min-fresh=0"}, 2 * time.Minute, "2", fetched, 2},
		{"max-stale", nil, []string{"Cache-Control", "max-stale=59"}, 2 * time.Minute, "2", fetched, 2},
		{"max-stale that bears it", nil, []string{"Cache-Control", "max-stale=60"}, 2 * time.Minute, "1", revalidating, 2},
		{"only-if-cached calls nobody", nil, []string{"Cache-Control", "only-if-cached"}, 2 * time.Minute, "1", revalidating, 1},
		{"a caller of its own", nil, []string{"Authorization", "Bearer x"}, 2 * time.Minute, "2", "venta; fwd=stale", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				h := wrap(t, newStore(t, cache.Options{}), refreshRule(), numbered(&calls, test.response...))
				expect(t, get(h, "/a"), 200, "1", stored)
				time.Sleep(test.after - time.Second)
				began := time.Now()
				got := get(h, "/a", test.request...)
				expect(t, got, 200, test.body, test.want)
				if waited := time.Since(began) > 0; waited != (test.body == "2") {
					t.Errorf("waited for the upstream: %v", waited)
				}
				if age := got.Header().Get("Age"); test.body == "1" && age != "120" {
					t.Errorf("Age = %s", age)
				}
				time.Sleep(2 * time.Second)
				if calls.Load() != test.calls {
					t.Errorf("%d calls, want %d", calls.Load(), test.calls)
				}
			})
		})
	}
}

// TestMaxStale holds that a client may take what is stale where the policy has
// no window, but not where the response forbids that.
func TestMaxStale(t *testing.T) {
	tests := []struct {
		response, request string
		body              string
	}{
		{"", "max-stale=60", "1"},
		{"", "max-stale", "1"},
		{"", "max-stale=59", "2"},
		{"", "max-stale=9, max-stale", "2"},
		{"", "max-stale=99, min-fresh=1", "2"},
		{"", "max-stale=99, only-if-cached", "1"},
		{"max-age=60, must-revalidate", "max-stale", "2"},
		{"s-maxage=60", "max-stale", "2"},
	}
	for _, test := range tests {
		t.Run(test.response+" "+test.request, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				h := wrap(t, newStore(t, cache.Options{}), baseRule(), numbered(&calls, "Cache-Control", test.response))
				get(h, "/a")
				time.Sleep(2*time.Minute - time.Second)
				want := map[string]string{"1": "venta; hit; detail=max-stale; ttl=-60", "2": fetched}[test.body]
				expect(t, get(h, "/a", "Cache-Control", test.request), 200, test.body, want)
			})
		})
	}
}

func TestOneRefreshForACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		var seen events
		h := wrap(t, newStore(t, cache.Options{}), seen.in(refreshRule()), numbered(&calls))
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		for _, w := range crowd(h, 1000, plain) {
			if w.Body.String() != "1" {
				t.Errorf("got %s %s", w.Body, status(w))
			}
		}
		time.Sleep(2 * time.Second)
		expect(t, get(h, "/a"), 200, "2", "venta; hit; ttl=58")
		if calls.Load() != 2 {
			t.Errorf("%d calls", calls.Load())
		}
		seen.expect(t, map[cache.Event]int{cache.Refreshed: 1})
	})
}

// TestRefreshIsShared holds that a request which cannot take the stale response
// waits for the refresh that is under way.
func TestRefreshIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), refreshRule(), numbered(&calls))
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		get(h, "/a")
		expect(t, get(h, "/a", "Cache-Control", "max-age=1"), 200, "2", "venta; fwd=stale; collapsed")
		if calls.Load() != 2 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

// finished is the ResponseWriter of a client that must not be written to after
// its request.
type finished struct {
	*httptest.ResponseRecorder
	t    *testing.T
	over atomic.Bool
}

func (w *finished) check() {
	if w.over.Load() {
		w.t.Error("a finished request is written to")
	}
}

func (w *finished) Header() http.Header {
	w.check()
	return w.ResponseRecorder.Header()
}

func (w *finished) WriteHeader(status int) {
	w.check()
	w.ResponseRecorder.WriteHeader(status)
}

func (w *finished) Write(p []byte) (int, error) {
	w.check()
	return w.ResponseRecorder.Write(p)
}

type identityKey struct{}

// TestRefreshOutlivesItsClient holds that it calls as the client did, in its
// name, though the client's request has ended, and without its bound.
func TestRefreshOutlivesItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen *http.Request
		var calls atomic.Int64
		rule := refreshRule()
		rule.Policy.Audience = policy.AudiencePrincipal
		h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
			seen = r
			numbered(&calls)(w, r)
			if r.Context().Err() != nil {
				t.Error("the refresh ended with its client")
			}
		})
		fetch := func() *httptest.ResponseRecorder {
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), identityKey{}, "ann"))
			w := &finished{ResponseRecorder: httptest.NewRecorder(), t: t}
			r := request(http.MethodHead, "/a", "X-Principal", "ann", "Authorization", "Bearer ann", "Grpc-Timeout", "9S", "If-None-Match", "x")
			h.ServeHTTP(w, r.WithContext(ctx))
			w.over.Store(true)
			cancel()
			clear(r.Header) // net/http is free to use it again
			return w.ResponseRecorder
		}
		fetch()
		time.Sleep(2*time.Minute - time.Second)
		if got := fetch(); status(got) != revalidating {
			t.Errorf("%s", status(got))
		}
		time.Sleep(2 * time.Second)
		if calls.Load() != 2 {
			t.Fatalf("%d calls", calls.Load())
		}
		if seen.Method != http.MethodGet || seen.Header.Get("Authorization") != "Bearer ann" || seen.Context().Value(identityKey{}) != "ann" {
			t.Errorf("%s %v", seen.Method, seen.Header)
		}
		if len(seen.Header["Grpc-Timeout"])+len(seen.Header["If-None-Match"]) > 0 {
			t.Errorf("the refresh has the client's own: %v", seen.Header)
		}
	})
}

func TestRefreshIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		var ended time.Duration
		var seen events
		h := wrap(t, newStore(t, cache.Options{RefreshTimeout: 5 * time.Second}), seen.in(refreshRule()),
			func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) > 1 {
					began := time.Now()
					<-r.Context().Done()
					ended = time.Since(began)
				}
				text("x")(w, r)
			})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		get(h, "/a")
		time.Sleep(time.Minute)
		synctest.Wait()
		if ended != 5*time.Second {
			t.Errorf("ended after %v", ended)
		}
		seen.expect(t, map[cache.Event]int{cache.RefreshFailed: 1})
	})
}

// TestRefreshNeverCrossesPrincipals has each caller's response refreshed in the
// caller's own name, among many at once.
func TestRefreshNeverCrossesPrincipals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := refreshRule()
		rule.Policy.Audience = policy.AudiencePrincipal
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), rule, counting(&calls, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			text(r.Header.Get("X-Principal"))(w, r)
		}))
		const callers = 20
		for range 4 {
			crowd(h, 200, func(i int) *http.Request {
				return request(http.MethodGet, "/a", "X-Principal", fmt.Sprint("p", i%callers))
			})
			time.Sleep(2 * time.Minute)
		}
		for i := range callers {
			name := fmt.Sprint("p", i)
			if got := get(h, "/a", "X-Principal", name); got.Body.String() != name {
				t.Errorf("%s gets %s", name, got.Body)
			}
		}
		time.Sleep(time.Minute)
		if want := int64(callers * 5); calls.Load() != want {
			t.Errorf("%d calls, want %d", calls.Load(), want)
		}
	})
}

// TestPurgedIsNotRefreshed holds that a purge before the window is used leads to
// the upstream at once, and that one during a refresh voids what it brings.
func TestPurgedIsNotRefreshed(t *testing.T) {
	for _, during := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int64
			s := newStore(t, cache.Options{})
			h := wrap(t, s, refreshRule(), numbered(&calls))
			get(h, "/a", "X-Tags", "v")
			time.Sleep(2 * time.Minute)
			if during {
				get(h, "/a", "X-Tags", "v")
				synctest.Wait()
			}
			s.Purge("v")
			began := time.Now()
			got := get(h, "/a", "X-Tags", "v")
			if want := fmt.Sprint(calls.Load()); got.Body.String() != want || time.Since(began) != time.Second {
				t.Errorf("got %s after %v, want %s", got.Body, time.Since(began), want)
			}
			time.Sleep(time.Second)
			if w := get(h, "/a", "X-Tags", "v"); w.Body.String() != got.Body.String() {
				t.Errorf("what was purged came back: %s after %s", w.Body, got.Body)
			}
		})
	}
}

// TestClose holds that it ends and awaits refreshes, and that stale responses are
// served after it all the same.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, ended atomic.Int64
		s := newStore(t, cache.Options{})
		h := wrap(t, s, refreshRule(), func(w http.ResponseWriter, r *http.Request) {
			if calls.Add(1) > 1 {
				<-r.Context().Done()
				time.Sleep(time.Second) // it takes its time
				ended.Add(1)
			}
			text("x")(w, r)
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		get(h, "/a")
		synctest.Wait()
		began := time.Now()
		s.Close()
		s.Close()
		if took := time.Since(began); calls.Load() != 2 || ended.Load() != 1 || took != time.Second {
			t.Errorf("%d calls, %d ended after %v", calls.Load(), ended.Load(), took)
		}
		time.Sleep(time.Minute)
		if got := get(h, "/a"); got.Body.String() != "x" || calls.Load() != 2 {
			t.Errorf("after Close: %s, %d calls", got.Body, calls.Load())
		}
	})
}

// TestLateRefresh holds that a request which looked before a refresh had landed
// does not begin another after it.
func TestLateRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		var h http.Handler
		refreshing := false
		rule := refreshRule()
		rule.Tags = func(*http.Request) ([]string, error) { // between the look and the refresh
			if calls.Load() > 0 && !refreshing {
				refreshing = true
				get(h, "/a")
				time.Sleep(2 * time.Second)
			}
			return nil, nil
		}
		h = wrap(t, newStore(t, cache.Options{}), rule, numbered(&calls))
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		if got := get(h, "/a"); got.Body.String() != "1" {
			t.Errorf("got %s", got.Body)
		}
		time.Sleep(2 * time.Second)
		if calls.Load() != 2 {
			t.Errorf("%d calls", calls.Load())
		}
		expect(t, get(h, "/a", "Cache-Control", "max-age=9"), 200, "2", "venta; hit; ttl=56")
	})
}
