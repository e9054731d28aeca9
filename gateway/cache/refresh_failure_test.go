package cache_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

func TestRefreshThatFails(t *testing.T) {
	tests := []struct {
		name  string
		fail  http.HandlerFunc
		kept  bool // the stale response
		event cache.Event
	}{
		{"503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, true, cache.RefreshFailed},
		{"429", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, true, cache.RefreshFailed},
		{"404", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, false, cache.RefreshFailed},
		{"403", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, false, cache.RefreshFailed},
		{"no-store", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			text("secret")(w, r)
		}, false, cache.RefreshFailed},
		{"a stream", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			for {
				if _, err := w.Write([]byte("x")); err != nil {
					return
				}
			}
		}, false, cache.RefreshFailed},
		{"a panic", func(http.ResponseWriter, *http.Request) { panic("boom") }, true, cache.RefreshPanic},
		{"an abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, cache.RefreshFailed},
		{"the end of its goroutine", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, true, cache.RefreshPanic},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				var seen events
				var log bytes.Buffer
				rule := seen.in(refreshRule())
				s := newStore(t, cache.Options{RefreshPause: 5 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				h := wrap(t, s, rule, func(w http.ResponseWriter, r *http.Request) {
					if calls.Add(1) == 2 {
						test.fail(w, r)
						return
					}
					text("x")(w, r)
				})
				get(h, "/a")
				time.Sleep(2 * time.Minute)
				get(h, "/a")
				synctest.Wait()
				seen.expect(t, map[cache.Event]int{test.event: 1})
				if panicked := strings.Contains(test.name, "panic"); panicked != strings.Contains(log.String(), "boom") || !panicked && log.Len() > 0 {
					t.Errorf("logged %q", log.String())
				}
				if !test.kept {
					expect(t, get(h, "/a"), 200, "x", stored)
					return
				}
				expect(t, get(h, "/a"), 200, "x", revalidating)
				if calls.Load() != 2 {
					t.Fatalf("%d calls: the upstream is hammered", calls.Load())
				}
				time.Sleep(5 * time.Second)
				get(h, "/a")
				synctest.Wait()
				expect(t, get(h, "/a"), 200, "x", hit60)
			})
		})
	}
}

// TestFailingRefreshesEnd holds that the stale response is served to the end of
// its window and no longer.
func TestFailingRefreshesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing, calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), refreshRule(), counting(&calls, flaky(&failing)))
		get(h, "/a")
		failing.Store(503)
		time.Sleep(time.Minute)
		for range 600 * 2 {
			if got := get(h, "/a"); got.Code != 200 {
				t.Fatalf("%d %s", got.Code, status(got))
			}
			time.Sleep(time.Second / 2)
		}
		if n := calls.Load(); n < 500 || n > 602 {
			t.Errorf("%d calls in ten minutes, want one a second", n)
		}
		expect(t, get(h, "/a"), 503, "failed", "venta; fwd=stale")
	})
}

func TestRefreshesAreBoundedInNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		var seen events
		h := wrap(t, newStore(t, cache.Options{MaxRefreshes: 3}), seen.in(refreshRule()), numbered(&calls))
		const keys = 10
		for i := range keys {
			get(h, fmt.Sprint("/", i))
		}
		time.Sleep(2 * time.Minute)
		for i := range keys {
			if got := get(h, fmt.Sprint("/", i)); got.Body.String() != fmt.Sprint(i+1) {
				t.Errorf("%d gets %s", i, got.Body)
			}
		}
		time.Sleep(2 * time.Second)
		if calls.Load() != keys+3 {
			t.Errorf("%d calls", calls.Load())
		}
		seen.expect(t, map[cache.Event]int{cache.Refreshed: 3, cache.RefreshSkipped: keys - 3})
	})
}

// TestPurgedBeforeItsRefresh holds that the upstream is not called for nobody:
// what was purged since it was served is not refreshed.
func TestPurgedBeforeItsRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		s := newStore(t, cache.Options{})
		rule := refreshRule()
		rule.Tags = func(*http.Request) ([]string, error) {
			if calls.Load() > 0 { // between the look and the refresh
				s.Purge("v")
			}
			return []string{"v"}, nil
		}
		h := wrap(t, s, rule, numbered(&calls))
		get(h, "/a")
		time.Sleep(2*time.Minute - time.Second)
		expect(t, get(h, "/a"), 200, "1", revalidating)
		time.Sleep(2 * time.Second)
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

// TestTagsOfARefreshThatFail holds that what has no tags is not stored, and the
// client need not know.
func TestTagsOfARefreshThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		var broken atomic.Bool
		rule := refreshRule()
		rule.Tags = func(*http.Request) ([]string, error) {
			if broken.Load() {
				return nil, errors.New("no tags")
			}
			return nil, nil
		}
		h := wrap(t, newStore(t, cache.Options{}), rule, numbered(&calls))
		get(h, "/a")
		time.Sleep(2*time.Minute - time.Second)
		broken.Store(true)
		expect(t, get(h, "/a"), 200, "1", revalidating)
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}
