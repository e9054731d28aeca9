package cache_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/cache"
)

// staleRule caches for a minute and lets a response stand in for ten more.
func staleRule() cache.Rule {
	rule := baseRule()
	rule.Policy.StaleIfError = 10 * time.Minute
	return rule
}

// flaky responds 200 "old" with the given header fields, then with a status.
func flaky(status *atomic.Int64, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		code := int(status.Load())
		if code == 0 {
			for i := 0; i < len(fields); i += 2 {
				w.Header().Add(fields[i], fields[i+1])
			}
			_, _ = w.Write([]byte("old"))
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(code)
		_, _ = w.Write([]byte("failed"))
		_ = http.NewResponseController(w).Flush()
	}
}

func TestStaleIfError(t *testing.T) {
	const standsIn = "; detail=stale-if-error; ttl=-60"
	tests := []struct {
		name     string
		response []string // header fields
		request  []string
		after    time.Duration
		status   int
		stale    bool
	}{
		{"500", nil, nil, 2 * time.Minute, 500, true},
		{"502", nil, nil, 2 * time.Minute, 502, true},
		{"503", nil, nil, 2 * time.Minute, 503, true},
		{"504", nil, nil, 2 * time.Minute, 504, true},
		{"501", nil, nil, 2 * time.Minute, 501, false},
		{"404", nil, nil, 2 * time.Minute, 404, false},
		{"403", nil, nil, 2 * time.Minute, 403, false},
		{"429", nil, nil, 2 * time.Minute, 429, false},
		{"too old", nil, nil, 11 * time.Minute, 503, false},
		{"must-revalidate", []string{"Cache-Control", "max-age=60, must-revalidate"}, nil, 2 * time.Minute, 503, false},
		{"proxy-revalidate", []string{"Cache-Control", "max-age=60, proxy-revalidate"}, nil, 2 * time.Minute, 503, false},
		{"s-maxage", []string{"Cache-Control", "s-maxage=60"}, nil, 2 * time.Minute, 503, false},
		{"the response allows less", []string{"Cache-Control", "max-age=60, stale-if-error=30"}, nil, 2 * time.Minute, 503, false},
		{"the response allows it", []string{"Cache-Control", "max-age=60, stale-if-error=61"}, nil, 2 * time.Minute, 503, true},
		{"the request wants none", nil, []string{"Cache-Control", "no-cache"}, 2 * time.Minute, 503, false},
		{"the request wants it young", nil, []string{"Cache-Control", "max-age=90"}, 2 * time.Minute, 503, false},
		{"the request wants it fresh", nil, []string{"Cache-Control", "min-fresh=1"}, 2 * time.Minute, 503, false},
		{"the request bears its age", nil, []string{"Cache-Control", "max-age=120"}, 2 * time.Minute, 503, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var failing atomic.Int64
				h := wrap(t, newStore(t, cache.Options{}), staleRule(), flaky(&failing, test.response...))
				expect(t, get(h, "/a"), 200, "old", stored)
				failing.Store(int64(test.status))
				time.Sleep(test.after)
				got := get(h, "/a", test.request...)
				if !test.stale {
					if got.Code != test.status || got.Body.String() != "failed" || got.Header().Get("Retry-After") != "7" {
						t.Errorf("%d %s %v", got.Code, got.Body, got.Header())
					}
					return
				}
				expect(t, got, 200, "old", "venta; fwd=stale; fwd-status="+strconv.Itoa(test.status)+standsIn)
				if got.Header().Get("Age") != "120" || got.Header().Get("Retry-After") != "" || got.Header().Get("Content-Type") == "application/problem+json" {
					t.Errorf("header %v", got.Header())
				}
			})
		})
	}
}

func TestNoStaleWithoutPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), flaky(&failing, "Cache-Control", "max-age=60, stale-if-error=600"))
		get(h, "/a")
		failing.Store(503)
		time.Sleep(2 * time.Minute)
		expect(t, get(h, "/a"), 503, "failed", "venta; fwd=stale")
	})
}

// TestPurgedIsNeverStale holds for a purge before the request and one that
// comes while the upstream is called.
func TestPurgedIsNeverStale(t *testing.T) {
	for _, during := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var failing atomic.Int64
			store := newStore(t, cache.Options{})
			next := flaky(&failing)
			h := wrap(t, store, staleRule(), func(w http.ResponseWriter, r *http.Request) {
				if during && failing.Load() != 0 {
					store.Purge("a")
				}
				next(w, r)
			})
			get(h, "/a", "X-Tags", "a")
			failing.Store(503)
			time.Sleep(2 * time.Minute)
			if !during {
				store.Purge("a")
			}
			if got := get(h, "/a", "X-Tags", "a"); got.Code != 503 {
				t.Errorf("purged during the call %v: %d %s", during, got.Code, status(got))
			}
		})
	}
}

// TestWithdrawnIsNeverStale holds that a failure does not bring back what the
// upstream has said to be gone, or forbidden.
func TestWithdrawnIsNeverStale(t *testing.T) {
	for _, code := range []int64{401, 403, 404, 410} {
		synctest.Test(t, func(t *testing.T) {
			var failing atomic.Int64
			h := wrap(t, newStore(t, cache.Options{}), staleRule(), flaky(&failing))
			get(h, "/a")
			time.Sleep(2 * time.Minute)
			failing.Store(code)
			get(h, "/a")
			failing.Store(503)
			if got := get(h, "/a"); got.Code != 503 {
				t.Errorf("after a %d: %d %s", code, got.Code, status(got))
			}
		})
	}
}

// TestStaleForACrowd holds that one failure serves all who wait, that the
// upstream's next success replaces the stale response, and what is observed.
func TestStaleForACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing, calls, seen, staleSeen atomic.Int64
		next := flaky(&failing)
		rule := staleRule()
		rule.OnOutcome = func(_ *http.Request, o cache.Outcome) {
			seen.Add(1)
			if o == cache.Stale {
				staleSeen.Add(1)
			}
		}
		h := wrap(t, newStore(t, cache.Options{}), rule, counting(&calls, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			next(w, r)
		}))
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		failing.Store(504)
		got := map[string]int{}
		for _, w := range crowd(h, 100, plain) {
			got[status(w)]++
		}
		want := map[string]int{
			"venta; fwd=stale; fwd-status=504; detail=stale-if-error; ttl=-62":            1,
			"venta; fwd=stale; fwd-status=504; collapsed; detail=stale-if-error; ttl=-62": 99,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Cache-Status (-want +got):\n%s", diff)
		}
		if calls.Load() != 2 || seen.Load() != 101 || staleSeen.Load() != 100 {
			t.Errorf("%d calls, %d responses observed, %d stale", calls.Load(), seen.Load(), staleSeen.Load())
		}
		failing.Store(0)
		expect(t, get(h, "/a"), 200, "old", "venta; fwd=stale; stored")
	})
}

// TestStaleIsConditional holds that a client which has the stale response is told
// so.
func TestStaleIsConditional(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), staleRule(), flaky(&failing, "Etag", `"v1"`))
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		failing.Store(503)
		if got := get(h, "/a", "If-None-Match", `"v1"`); got.Code != http.StatusNotModified {
			t.Errorf("%d %s", got.Code, got.Body)
		}
		if got := do(h, request(http.MethodHead, "/a")); got.Code != 200 || got.Body.Len() != 0 {
			t.Errorf("HEAD: %d %s", got.Code, got.Body)
		}
	})
}

// TestStaleVariants holds that another variant's stale response is not served.
func TestStaleVariants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), staleRule(), flaky(&failing, "Vary", "Accept-Language"))
		get(h, "/a", "Accept-Language", "en")
		time.Sleep(50 * time.Second)
		get(h, "/a", "Accept-Language", "de")
		time.Sleep(2 * time.Minute)
		get(h, "/a", "Accept-Language", "fr") // storing it must keep the stale ones
		failing.Store(503)
		for language, code := range map[string]int{"en": 200, "de": 200, "fr": 200, "it": 503} {
			if got := get(h, "/a", "Accept-Language", language); got.Code != code {
				t.Errorf("%s: %d %s", language, got.Code, status(got))
			}
		}
	})
}

// TestPanicIsNotReplaced holds that a handler that breaks after a failure's
// status is not taken for one that served.
func TestPanicIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Int64
		next := flaky(&failing)
		h := wrap(t, newStore(t, cache.Options{}), staleRule(), func(w http.ResponseWriter, r *http.Request) {
			next(w, r)
			if failing.Load() != 0 {
				panic("boom")
			}
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		failing.Store(503)
		w := httptest.NewRecorder()
		defer func() {
			if recover() == nil || w.Body.Len() != 0 {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		}()
		h.ServeHTTP(w, request(http.MethodGet, "/a"))
	})
}
