package cache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

// superseding are responses that are newer than what is stored, and are not stored
// themselves.
func superseding() map[string]http.HandlerFunc {
	field := func(name, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, value)
			text("newer")(w, r)
		}
	}
	responses := map[string]http.HandlerFunc{
		"no-store":   field("Cache-Control", "no-store"),
		"private":    field("Cache-Control", "private"),
		"no-cache":   field("Cache-Control", "no-cache"),
		"stale":      field("Cache-Control", "max-age=0"),
		"Set-Cookie": field("Set-Cookie", "a=b"),
		"Vary: *":    field("Vary", "*"),
		"encoded":    field("Content-Encoding", "br"),
		"too large": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 3<<10))
		},
		"too large with its header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Much", strings.Repeat("x", 1<<10))
			_, _ = w.Write(make([]byte, 2<<10-1))
		},
		"too large by its word": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3000")
			_, _ = w.Write(make([]byte, 3000))
		},
		"a stream": func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
		},
		"nothing": func(http.ResponseWriter, *http.Request) {},
	}
	for _, status := range []int{201, 204, 301, 302, 307, 400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 451} {
		responses[fmt.Sprint(status)] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	return responses
}

// TestSuperseded holds that what a newer response takes the place of is served
// neither as a hit nor in place of a failure, though the newer one is not stored
// (RFC 9111, section 4): whoever asked for it, be it in level 2, too.
func TestSuperseded(t *testing.T) {
	for name, newer := range superseding() {
		t.Run(name, func(t *testing.T) { testSuperseded(t, newer, true) })
	}
	for _, status := range []int{408, 412, 413, 414, 429, 431, 499, 500, 501, 503} {
		t.Run(fmt.Sprint("of the request or moment: ", status), func(t *testing.T) {
			testSuperseded(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, false)
		})
	}
}

func testSuperseded(t *testing.T, newer http.HandlerFunc, superseded bool) {
	t.Helper()
	for _, remote := range []bool{false, true} {
		for _, wait := range []time.Duration{time.Second, 2 * time.Minute} { // it is fresh, and stale
			synctest.Test(t, func(t *testing.T) {
				opts := cache.Options{MaxEntryBytes: 2 << 10}
				if remote {
					opts.Remote = &fakeRemote{hub: newHub(1)}
				}
				s := newStore(t, opts)
				defer s.Close()
				rule := baseRule()
				rule.Policy.StaleIfError = time.Hour
				answer := text("older")
				h := wrap(t, s, rule, func(w http.ResponseWriter, r *http.Request) { answer(w, r) })
				get(h, "/a")
				time.Sleep(wait)
				answer = newer
				get(h, "/a", "Cache-Control", "no-cache")
				time.Sleep(time.Second)
				answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }
				want := http.StatusServiceUnavailable
				if !superseded {
					want = http.StatusOK
				}
				if w := get(h, "/a"); w.Code != want {
					t.Errorf("remote %v, after %v: %d %q %q, want %d", remote, wait, w.Code, w.Body, status(w), want)
				}
				time.Sleep(time.Second) // what level 2 is told arrives
			})
		}
	}
}

// TestSupersededByNotModified holds that a 304 which forbids to store takes the
// stored response out, and serves it this once.
func TestSupersededByNotModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := baseRule()
		rule.Policy.StaleIfError = time.Hour
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"1"`)
			switch calls.Add(1) {
			case 1:
				text("x")(w, r)
			case 2:
				if r.Header.Get("If-None-Match") != `"1"` {
					t.Errorf("If-None-Match = %q", r.Header.Get("If-None-Match"))
				}
				w.Header().Set("Cache-Control", "no-store")
				w.WriteHeader(http.StatusNotModified)
			default:
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		expect(t, get(h, "/a"), 200, "x", "venta; fwd=stale; fwd-status=304")
		if w := get(h, "/a"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	})
}

// TestPersonalSupersedesNothing holds that a response which may be about its caller
// alone takes nothing from others.
func TestPersonalSupersedesNothing(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
			w.Header().Set("Cache-Control", "private")
		}
		text("x")(w, r)
	})
	get(h, "/a")
	for _, field := range []string{"Authorization", "Cookie"} {
		get(h, "/a", field, "x", "Cache-Control", "no-cache")
		expect(t, get(h, "/a"), 200, "x", hit60)
	}
}

// TestNewerUnderOtherFields holds that a response takes the place of those that its
// request selects, although it varies on other fields than they do.
func TestNewerUnderOtherFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := baseRule()
		rule.Policy.NegativeTTL = time.Second
		gone := false
		h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
			if gone {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.Header().Set("Vary", "Accept-Language")
			text("x")(w, r)
		})
		get(h, "/a", "Accept-Language", "de")
		gone = true
		get(h, "/a", "Accept-Language", "de", "Cache-Control", "no-cache")
		time.Sleep(2 * time.Second)
		if w := get(h, "/a", "Accept-Language", "de"); w.Code != http.StatusNotFound {
			t.Errorf("%d %q %q", w.Code, w.Body, status(w))
		}
	})
}

// late lets one response be requested first and come last.
type late struct {
	release chan struct{}
	calls   atomic.Int64
	older   http.HandlerFunc
	newer   http.HandlerFunc
}

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.calls.Add(1) == 1 {
		<-l.release
		l.older(w, r)
		return
	}
	l.newer(w, r)
}

// TestSlowOlderResponse holds that a response which was requested earlier and comes
// later replaces nothing, neither what is stored nor that nothing is, in level 2
// either.
func TestSlowOlderResponse(t *testing.T) {
	gone := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }
	private := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private")
		text("newer")(w, r)
	}
	tests := []struct {
		name         string
		older, newer http.HandlerFunc
		want         string
	}{
		{"both are stored", text("older"), text("newer"), "200 newer"},
		{"the newer one is not", text("older"), private, "200 third"},
		{"the newer one says that there is nothing", text("older"), gone, "200 third"},
		{"the older one is not", private, text("newer"), "200 newer"},
		{"the older one says that there is nothing", gone, text("newer"), "200 newer"},
	}
	for _, test := range tests {
		for _, remote := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, ", level 2 ", remote), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := &late{release: make(chan struct{}), older: test.older, newer: test.newer}
					hub := newHub(1)
					open := func() http.Handler { // of a process of its own
						var opts cache.Options
						if remote {
							opts.Remote = &fakeRemote{hub: hub}
						}
						s := newStore(t, opts)
						t.Cleanup(s.Close)
						return wrap(t, s, baseRule(), l.ServeHTTP)
					}
					slow := open()
					fast := slow
					if remote {
						fast = open()
					}
					done := make(chan *httptest.ResponseRecorder)
					go func() { done <- get(slow, "/a") }()
					synctest.Wait()
					time.Sleep(100 * time.Millisecond)
					get(fast, "/a", "Cache-Control", "no-cache")
					time.Sleep(100 * time.Millisecond)
					close(l.release)
					<-done
					time.Sleep(100 * time.Millisecond)
					l.newer = text("third")
					reader := fast
					if remote {
						reader = open()
					}
					if w := get(reader, "/a"); fmt.Sprint(w.Code, " ", w.Body) != test.want {
						t.Errorf("%d %s %q, want %s", w.Code, w.Body, status(w), test.want)
					}
					time.Sleep(time.Second)
				})
			})
		}
	}
}

// TestSlowOlderFlight holds that those who wait for a flight get what is newer than
// what it brings.
func TestSlowOlderFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &late{release: make(chan struct{}), older: text("older"), newer: text("newer")}
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), l.ServeHTTP)
		answers := make(chan *httptest.ResponseRecorder, 2)
		for range 2 { // one leads, one waits
			go func() { answers <- get(h, "/a") }()
		}
		synctest.Wait()
		time.Sleep(time.Second)
		get(h, "/a", "Cache-Control", "no-cache")
		close(l.release)
		got := map[string]int{(<-answers).Body.String(): 1}
		got[(<-answers).Body.String()]++
		if got["older"] != 1 || got["newer"] != 1 {
			t.Errorf("got %v: the leader its own response, the other the newest", got)
		}
		expect(t, get(h, "/a"), 200, "newer", hit60)
	})
}

// TestSlowOlderRefresh holds the same for refreshes.
func TestSlowOlderRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), refreshRule(), func(w http.ResponseWriter, r *http.Request) {
			n := calls.Add(1)
			if n == 2 {
				<-release
			}
			text(fmt.Sprint(n))(w, r)
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		get(h, "/a") // refreshes
		synctest.Wait()
		time.Sleep(time.Second)
		get(h, "/a", "Cache-Control", "no-cache")
		close(release)
		synctest.Wait()
		expect(t, get(h, "/a"), 200, "3", hit60)
	})
}

// TestStandInIsTheNewest holds that a failure is answered with what was stored while
// its request was under way, and not with what that has replaced.
func TestStandInIsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := baseRule()
		rule.Policy.StaleIfError = time.Hour
		release := make(chan struct{})
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
			n := calls.Add(1)
			if n == 2 {
				<-release
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			text(fmt.Sprint(n))(w, r)
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		done := make(chan *httptest.ResponseRecorder)
		go func() { done <- get(h, "/a") }()
		synctest.Wait()
		get(h, "/a", "Cache-Control", "no-cache")
		close(release)
		if w := <-done; w.Body.String() != "3" {
			t.Errorf("%d %q %q", w.Code, w.Body, status(w))
		}
	})
}

// TestNoStandInForWhatIsSuperseded holds that a failure is not answered with what was
// stored when its request came, once a response has taken the place of that.
func TestNoStandInForWhatIsSuperseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := baseRule()
		rule.Policy.StaleIfError = time.Hour
		release := make(chan struct{})
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, r *http.Request) {
			switch calls.Add(1) {
			case 1:
				text("older")(w, r)
			case 2:
				<-release
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				w.WriteHeader(http.StatusNotFound)
			}
		})
		get(h, "/a")
		time.Sleep(2 * time.Minute)
		done := make(chan *httptest.ResponseRecorder)
		go func() { done <- get(h, "/a") }()
		synctest.Wait()
		get(h, "/a", "Cache-Control", "no-cache")
		close(release)
		if w := <-done; w.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %q %q", w.Code, w.Body, status(w))
		}
	})
}

// TestRefusedForItselfSupersedesNothing has handlers that tell what an upstream has
// said: what a client is refused before takes nothing from others, be it a hit or a
// stand-in.
func TestRefusedForItselfSupersedesNothing(t *testing.T) {
	for _, byUpstream := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			rule := baseRule()
			rule.Policy.StaleIfError = time.Hour
			away := false
			h := wrap(t, newStore(t, cache.Options{CallsReported: true}), rule, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Header.Get("X-Odd") != "":
					if byUpstream {
						cache.FromUpstream(r.Context())
					}
					w.WriteHeader(http.StatusBadRequest)
				case away:
					w.WriteHeader(http.StatusServiceUnavailable)
				default:
					text("x")(w, r)
				}
			})
			get(h, "/a")
			if w := get(h, "/a", "X-Odd", "1", "Cache-Control", "no-cache"); w.Code != http.StatusBadRequest {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			if hit := get(h, "/a", "Cache-Control", "only-if-cached").Code == http.StatusOK; hit == byUpstream {
				t.Errorf("by the upstream %v: a hit %v", byUpstream, hit)
			}
			get(h, "/a")
			time.Sleep(2 * time.Minute)
			away = true
			get(h, "/a", "X-Odd", "1")
			if stood := get(h, "/a").Code == http.StatusOK; stood == byUpstream {
				t.Errorf("by the upstream %v: a stand-in %v", byUpstream, stood)
			}
		})
	}
	cache.FromUpstream(t.Context()) // there is nobody to tell
}

// TestOtherVariantsStay holds that a response under one value of a header field
// takes nothing from those who send another.
func TestOtherVariantsStay(t *testing.T) {
	for _, remote := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			rule := baseRule()
			rule.Policy.StaleIfError, rule.Policy.VaryHeaders = time.Hour, []string{"X-Tenant", "Accept-Encoding"}
			opts := cache.Options{}
			if remote {
				opts.Remote = &fakeRemote{hub: newHub(1)}
			}
			s := newStore(t, opts)
			defer s.Close()
			away := false
			h := wrap(t, s, rule, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Header.Get("X-Tenant") == "nobody":
					w.WriteHeader(http.StatusForbidden)
				case away:
					w.WriteHeader(http.StatusServiceUnavailable)
				default:
					text("x")(w, r)
				}
			})
			get(h, "/a", "X-Tenant", "a")
			time.Sleep(2 * time.Minute)
			away = true
			get(h, "/a", "X-Tenant", "nobody")
			if w := get(h, "/a", "X-Tenant", "a", "Accept-Encoding", "gzip"); w.Code != http.StatusOK {
				t.Errorf("remote %v: %d %q %s", remote, w.Code, w.Body, status(w))
			}
			time.Sleep(time.Second) // what level 2 is told arrives
		})
	}
}
