package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

const (
	monday  = "Mon, 02 Nov 2026 10:00:00 GMT"
	renewed = "venta; fwd=stale; fwd-status=304; stored"
)

// versioned responses as http.ServeContent does, which knows conditions.
func versioned(calls *atomic.Int64, etag string, fields ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Call", fmt.Sprint(calls.Add(1)))
		w.Header().Set("Content-Type", "text/plain")
		if etag != "" {
			w.Header().Set("Etag", etag)
		}
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		modified, _ := http.ParseTime(w.Header().Get("Last-Modified"))
		http.ServeContent(w, r, "", modified, strings.NewReader("whole"))
	}
}

func TestValidation(t *testing.T) {
	tests := []struct {
		name   string
		etag   string
		fields []string
		want   string
	}{
		{"by tag", `"v1"`, nil, renewed},
		{"by weak tag", `W/"v1"`, nil, renewed},
		{"by date", "", []string{"Last-Modified", monday}, renewed},
		{"by both", `"v1"`, []string{"Last-Modified", monday}, renewed},
		{"by nothing of the upstream's", "", nil, fetched},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				h := wrap(t, newStore(t, cache.Options{}), baseRule(), versioned(&calls, test.etag, test.fields...))
				tag := get(h, "/a").Header().Get("Etag")
				for call := 2; call < 4; call++ {
					time.Sleep(2 * time.Minute)
					got := get(h, "/a")
					expect(t, got, 200, "whole", test.want)
					header := got.Header()
					if header.Get("X-Call") != fmt.Sprint(call) || header.Get("Content-Type") != "text/plain" || header.Get("Etag") != tag {
						t.Errorf("%v", header)
					}
					again := get(h, "/a")
					expect(t, again, 200, "whole", hit60)
					if again.Header().Get("X-Call") != fmt.Sprint(call) || again.Header().Get("Content-Length") != "5" {
						t.Errorf("stored %v", again.Header())
					}
				}
				time.Sleep(2 * time.Minute)
				if got := get(h, "/a", "If-None-Match", tag); got.Code != 304 || got.Body.Len() > 0 {
					t.Errorf("a client that has it gets %d %s", got.Code, got.Body)
				}
				time.Sleep(2 * time.Minute)
				if got := get(h, "/a", "If-None-Match", `"other"`); got.Code != 200 || got.Body.String() != "whole" {
					t.Errorf("a client that has another gets %d %s", got.Code, got.Body)
				}
			})
		})
	}
}

// TestValidationInTheBackground holds that a refresh costs a 304.
func TestValidationInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		var seen events
		h := wrap(t, newStore(t, cache.Options{}), seen.in(refreshRule()), versioned(&calls, `"v1"`))
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		expect(t, get(h, "/a"), 200, "whole", revalidating)
		synctest.Wait()
		expect(t, get(h, "/a"), 200, "whole", hit60)
		seen.expect(t, map[cache.Event]int{cache.Refreshed: 1})
	})
}

func TestStrangeNotModified(t *testing.T) {
	tests := []struct {
		name   string
		second http.HandlerFunc // what follows "old" with the tag "v1"
		body   string
		want   string
		calls  int64
	}{
		{"of another version", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("If-None-Match") != "" {
				w.Header().Set("Etag", `"v2"`)
				w.WriteHeader(304)
				_ = http.NewResponseController(w).Flush()
				return
			}
			_, _ = io.WriteString(w, "new")
		}, "new", fetched, 3},
		{"with a body", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			_, _ = io.WriteString(w, "evil")
		}, "old", renewed, 2},
		{"that describes a body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "7777")
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(304)
		}, "old", renewed, 2},
		{"that may not be stored", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(304)
		}, "old", "venta; fwd=stale; fwd-status=304", 2},
		{"with a cookie", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Set-Cookie", "a=b")
			w.WriteHeader(304)
		}, "old", "venta; fwd=stale; fwd-status=304", 2},
		{"that is flushed", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			_ = http.NewResponseController(w).Flush()
		}, "old", "venta; fwd=stale; fwd-status=304", 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
					if calls.Add(1) > 1 {
						test.second(w, r)
						return
					}
					w.Header().Set("Etag", `"v1"`)
					_, _ = io.WriteString(w, "old")
				})
				get(h, "/a")
				time.Sleep(2 * time.Minute)
				expect(t, get(h, "/a"), 200, test.body, test.want)
				if calls.Load() != test.calls {
					t.Errorf("called %d times, want %d", calls.Load(), test.calls)
				}
			})
		})
	}
}

// TestUnaskedNotModified holds that a 304 without a condition is the upstream's
// affair, and nothing to store.
func TestUnaskedNotModified(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) })
	for range 2 {
		expect(t, get(h, "/a"), 304, "", missed)
	}
}

// TestPurgedIsNotValidated holds that a 304 does not bring back what was purged
// before it, or while it was on its way.
func TestPurgedIsNotValidated(t *testing.T) {
	for _, during := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var calls atomic.Int64
			s := newStore(t, cache.Options{})
			next := versioned(&calls, `"v1"`)
			h := wrap(t, s, baseRule(), func(w http.ResponseWriter, r *http.Request) {
				if during && calls.Load() > 0 {
					s.Purge("v")
				}
				if !during && r.Header.Get("If-None-Match") != "" {
					t.Error("the upstream is called about what was purged")
				}
				next(w, r)
			})
			get(h, "/a", "X-Tags", "v")
			time.Sleep(2 * time.Minute)
			want := stored
			if during {
				want = "venta; fwd=stale; fwd-status=304"
			} else {
				s.Purge("v")
			}
			expect(t, get(h, "/a", "X-Tags", "v"), 200, "whole", want)
		})
	}
}
