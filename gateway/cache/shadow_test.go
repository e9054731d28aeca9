package cache_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

// words keeps what a ShadowFunc is told.
type words []string

func (l *words) add(_ context.Context, would string) { *l = append(*l, would) }

func (l *words) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(*l, want) {
		t.Errorf("told %q, want %q", *l, want)
	}
}

func shadowRule(l *words) cache.Rule {
	rule := baseRule()
	rule.Policy.Shadow = true
	rule.OnShadow = l.add
	return rule
}

// TestShadowChangesNothing compares each response, and what the handler was sent,
// with those of the bare handler.
func TestShadowChangesNothing(t *testing.T) {
	tests := []struct {
		name  string
		r     func() *http.Request
		next  http.HandlerFunc
		would []string // of two in a row
	}{
		{"a response", func() *http.Request {
			return request(http.MethodGet, "/a", "Accept-Encoding", "gzip", "Te", "trailers")
		}, text("x"), []string{"miss", "hit"}},
		{"a condition", func() *http.Request { return request(http.MethodGet, "/a", "If-None-Match", `"a"`) }, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(304)
			}
		}, []string{"miss", "miss"}},
		{"HEAD", func() *http.Request { return request(http.MethodHead, "/a") }, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Method", r.Method)
		}, []string{"miss", "miss"}},
		{"a write", func() *http.Request { return request(http.MethodPost, "/a") }, text("x"), []string{"bypass", "bypass"}},
		{"no-store", func() *http.Request { return request(http.MethodGet, "/a", "Cache-Control", "no-store") }, text("x"), []string{"bypass", "bypass"}},
		{"only-if-cached", func() *http.Request { return request(http.MethodGet, "/a", "Cache-Control", "only-if-cached") }, text("x"), []string{"refuse", "refuse"}},
		{"a failure", func() *http.Request { return request(http.MethodGet, "/a") }, func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no", 503)
		}, []string{"miss", "miss"}},
		{"one that may not be stored", func() *http.Request { return request(http.MethodGet, "/a") }, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "private")
		}, []string{"miss", "miss"}},
		{"a stream", func() *http.Request { return request(http.MethodGet, "/a") }, func(w http.ResponseWriter, r *http.Request) {
			text("x")(w, r)
			w.(http.Flusher).Flush()
		}, []string{"miss", "miss"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var told words
			var seen http.Header
			h := wrap(t, newStore(t, cache.Options{}), shadowRule(&told), func(w http.ResponseWriter, r *http.Request) {
				seen = r.Header
				test.next(w, r)
			})
			for range 2 {
				want, got := httptest.NewRecorder(), httptest.NewRecorder()
				r := test.r()
				test.next(want, test.r())
				h.ServeHTTP(got, r)
				if got.Code != want.Code || got.Body.String() != want.Body.String() || got.Flushed != want.Flushed ||
					!maps.EqualFunc(got.Header(), want.Header(), slices.Equal) {
					t.Errorf("got %d %s %v, want %d %s %v", got.Code, got.Body, got.Header(), want.Code, want.Body, want.Header())
				}
				if !maps.EqualFunc(seen, test.r().Header, slices.Equal) {
					t.Errorf("called with %v", seen)
				}
			}
			told.expect(t, test.would...)
		})
	}
}

func TestShadowTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told words
		var failing atomic.Int64
		rule := shadowRule(&told)
		rule.Policy.StaleWhileRevalidate, rule.Policy.StaleIfError = time.Minute, time.Hour
		s := newStore(t, cache.Options{})
		h := wrap(t, s, rule, flaky(&failing))
		get(h, "/a", "X-Tags", "v")
		time.Sleep(30 * time.Second)
		get(h, "/a", "X-Tags", "v")
		time.Sleep(time.Minute)
		get(h, "/a", "X-Tags", "v") // stale, and stored again
		get(h, "/a", "X-Tags", "v")
		time.Sleep(10 * time.Minute)
		failing.Store(503)
		if got := get(h, "/a", "X-Tags", "v"); got.Code != 503 {
			t.Errorf("the failure gets %d", got.Code)
		}
		s.Purge("v")
		get(h, "/a", "X-Tags", "v")
		told.expect(t, "miss", "hit", "revalidate", "hit", "stale", "miss")
	})
}

func TestShadowOfARefusal(t *testing.T) {
	var told words
	rule := shadowRule(&told)
	rule.Key = func(*http.Request) (string, bool, error) { return "", false, errors.New("no key") }
	h := wrap(t, newStore(t, cache.Options{}), rule, text("x"))
	if got := get(h, "/a"); got.Code != 200 || got.Body.String() != "x" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	told.expect(t, "refuse")
}

// TestShadowHasNoEntriesToServe holds that an enforced rule finds nothing of a
// shadow, whose entries have no bodies, nor a shadow anything of an enforced one.
func TestShadowHasNoEntriesToServe(t *testing.T) {
	var told words
	s := newStore(t, cache.Options{})
	shadow := wrap(t, s, shadowRule(&told), text("x"))
	enforced := wrap(t, s, baseRule(), text("x"))
	get(shadow, "/a")
	expect(t, get(enforced, "/a"), 200, "x", stored)
	get(shadow, "/b")
	get(enforced, "/c")
	get(shadow, "/c")
	told.expect(t, "miss", "miss", "miss")
}

// TestShadowInvalidation holds that it voids what shadows have, and nothing else.
func TestShadowInvalidation(t *testing.T) {
	var told, purges words
	s := newStore(t, cache.Options{})
	shadow := wrap(t, s, shadowRule(&told), text("x"))
	enforced := wrap(t, s, baseRule(), text("x"))
	fails := false
	invalidate, err := s.Invalidator(cache.InvalidateRule{
		Tags: func(*http.Request) ([]string, error) {
			if fails {
				return nil, errors.New("no tags")
			}
			return []string{"v"}, nil
		},
		OnError: onError, Shadow: true, OnShadow: purges.add,
	})
	if err != nil {
		t.Fatal(err)
	}
	get(shadow, "/a", "X-Tags", "v")
	get(enforced, "/a", "X-Tags", "v")
	write := invalidate(text("written"))
	do(write, request(http.MethodPost, "/a"))
	get(shadow, "/a", "X-Tags", "v")
	expect(t, get(enforced, "/a", "X-Tags", "v"), 200, "x", hit60)
	s.Purge("v") // an enforced one voids both
	get(shadow, "/a", "X-Tags", "v")
	expect(t, get(enforced, "/a", "X-Tags", "v"), 200, "x", stored)
	do(invalidate(http.NotFoundHandler()), request(http.MethodPost, "/a")) // it changes nothing
	fails = true
	if got := do(write, request(http.MethodPost, "/a")); got.Body.String() != "written" {
		t.Errorf("refused: %d %s", got.Code, got.Body)
	}
	told.expect(t, "miss", "miss", "miss")
	purges.expect(t, "purge", "refuse")
}

func TestShadowPanics(t *testing.T) {
	var told words
	h := wrap(t, newStore(t, cache.Options{}), shadowRule(&told), func(w http.ResponseWriter, r *http.Request) {
		text("half")(w, r)
		panic(http.ErrAbortHandler)
	})
	for range 2 {
		func() {
			defer func() { _ = recover() }()
			get(h, "/a")
		}()
	}
	told.expect(t, "miss", "miss")
}
