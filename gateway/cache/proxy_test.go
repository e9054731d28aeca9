package cache_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

// proxyRule is that of the example, before a proxy.
func proxyRule() cache.Rule {
	return cache.Rule{
		Name:    "everything",
		Policy:  policy.Cache{TTL: time.Second, StaleWhileRevalidate: time.Minute, StaleIfError: time.Minute},
		Proxy:   true,
		Key:     func(r *http.Request) (string, bool, error) { return r.URL.RequestURI(), true, nil },
		OnError: onError,
	}
}

// newProxy starts a cache before a proxy before an origin.
func newProxy(t *testing.T, origin http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(origin)
	t.Cleanup(server.Close)
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	handler := httputil.NewSingleHostReverseProxy(target)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	handler.Transport = transport
	proxy := httptest.NewServer(wrap(t, newStore(t, cache.Options{}), proxyRule(), handler.ServeHTTP))
	t.Cleanup(proxy.Close)
	return proxy
}

// ask sends a request and reads the whole response.
func ask(t *testing.T, proxy *httptest.Server, fields ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proxy.URL+"/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	client := *proxy.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// TestProxyStatuses is RFC 9111, section 3: any final status with a lifetime of its
// own, and none of the others.
func TestProxyStatuses(t *testing.T) {
	for _, status := range []int{200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 418, 500, 503, 599} {
		for lifetime, hit := range map[string]bool{"max-age=60": true, "max-age=0": false} {
			proxy := newProxy(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", lifetime)
				w.Header().Set("X-Origin", "1")
				w.WriteHeader(status)
			})
			ask(t, proxy)
			response, _ := ask(t, proxy)
			if got := strings.Contains(response.Header.Get("Cache-Status"), "; hit"); got != hit ||
				response.StatusCode != status || response.Header.Get("X-Origin") != "1" {
				t.Errorf("%d with %s: %v", status, lifetime, response)
			}
		}
	}
}

// TestProxyStored is what of a response decides, before a proxy.
func TestProxyStored(t *testing.T) {
	tests := []struct {
		name   string
		status int
		fields []string
		hit    bool
	}{
		{"nothing said, within the policy's lifetime", 200, nil, true},
		{"nothing said, not 200", 203, nil, false},
		{"an Expires that is no date", 200, []string{"Expires", "0"}, false},
		{"an Expires in a far time", 200, []string{"Expires", "Fri, 31 Dec 9999 23:59:59 GMT"}, true},
		{"a lifetime that no number holds", 200, []string{"Cache-Control", "max-age=99999999999999999999"}, true},
		{"the first Age", 200, []string{"Cache-Control", "max-age=60", "Age", "100, 0"}, false},
		{"an Age of the longest", 200, []string{"Cache-Control", "max-age=60", "Age", "99999999999999999999"}, false},
		{"an Age that is none", 200, []string{"Cache-Control", "max-age=60", "Age", "x"}, true},
		{"a status that must be understood and is", 404, []string{"Cache-Control", "max-age=60, no-store, must-understand"}, true},
		{"a status that must be understood", 599, []string{"Cache-Control", "max-age=60, must-understand"}, false},
		{"no-store", 200, []string{"Cache-Control", "max-age=60, no-store"}, false},
		{"private", 200, []string{"Cache-Control", "max-age=60, private"}, false},
		{"a cookie", 200, []string{"Cache-Control", "max-age=60", "Set-Cookie", "a=b"}, false},
		{"a coding of the origin's own", 200, []string{"Cache-Control", "max-age=60", "Content-Encoding", "x-own"}, true},
		{"events", 200, []string{"Cache-Control", "max-age=60", "Content-Type", "text/event-stream"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			proxy := newProxy(t, func(w http.ResponseWriter, _ *http.Request) {
				for i := 0; i < len(test.fields); i += 2 {
					w.Header().Set(test.fields[i], test.fields[i+1])
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, "x")
			})
			ask(t, proxy)
			response, body := ask(t, proxy)
			if got := strings.Contains(response.Header.Get("Cache-Status"), "; hit"); got != test.hit || body != "x" {
				t.Errorf("%q %q, want a hit: %v", response.Header["Cache-Status"], body, test.hit)
			}
		})
	}
}

// TestProxyDate holds that a hit has the date of its origin (RFC 9110, section
// 6.6.1), or of when it came.
func TestProxyDate(t *testing.T) {
	const origins = "Mon, 02 Nov 2026 10:00:00 GMT"
	proxy := newProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Date", origins)
	})
	for range 2 {
		if response, _ := ask(t, proxy); response.Header.Get("Date") != origins {
			t.Errorf("Date = %q", response.Header.Get("Date"))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		h := wrap(t, newStore(t, cache.Options{}), proxyRule(), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=60")
			text("x")(w, r)
		})
		first := get(h, "/a").Header().Get("Date")
		time.Sleep(10 * time.Second)
		if w := get(h, "/a"); first == "" || w.Header().Get("Date") != first {
			t.Errorf("Date %q, then %q", first, w.Header().Get("Date"))
		}
	})
}

// TestProxyValidates holds that a response with no-cache is stored and validated for
// each request, and that the origin's 304 updates it.
func TestProxyValidates(t *testing.T) {
	var calls, whole atomic.Int64
	proxy := newProxy(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache, max-age=60")
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Content-Foo", fmt.Sprint(calls.Add(1)))
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		whole.Add(1)
		_, _ = io.WriteString(w, "x")
	})
	for i := range 3 {
		response, body := ask(t, proxy)
		if body != "x" || response.Header.Get("Content-Foo") != fmt.Sprint(i+1) {
			t.Errorf("%q %v", body, response.Header)
		}
	}
	if calls.Load() != 3 || whole.Load() != 1 {
		t.Errorf("%d calls, %d of them for the whole", calls.Load(), whole.Load())
	}
}

// TestProxyNeverShares holds that those who come together each get the origin's own
// word where a response must be validated.
func TestProxyNeverShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), proxyRule(), func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			time.Sleep(100 * time.Millisecond) // virtual
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("Etag", `"1"`)
			text("x")(w, r)
		})
		done := make(chan *httptest.ResponseRecorder)
		for range 5 {
			go func() { done <- get(h, "/a") }()
		}
		for range 5 {
			<-done
		}
		if calls.Load() != 5 {
			t.Errorf("%d calls for 5 requests", calls.Load())
		}
	})
}

// TestProxyFlush holds that what comes in parts reaches the client part by part, and
// is stored when it is whole.
func TestProxyFlush(t *testing.T) {
	next := make(chan struct{})
	proxy := newProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "one\n")
		w.(http.Flusher).Flush()
		<-next
		_, _ = io.WriteString(w, "two\n")
	})
	response, err := proxy.Client().Get(proxy.URL + "/a")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || lines.Text() != "one" {
		t.Fatalf("first %q", lines.Text())
	}
	close(next) // the client has the first part, before the second is made
	if !lines.Scan() || lines.Text() != "two" {
		t.Fatalf("then %q", lines.Text())
	}
	for lines.Scan() {
		t.Errorf("more: %q", lines.Text())
	}
	_ = response.Body.Close()
	again, body := ask(t, proxy)
	if body != "one\ntwo\n" || !strings.Contains(again.Header.Get("Cache-Status"), "; hit") {
		t.Errorf("%q %q", body, again.Header["Cache-Status"])
	}
}

// TestProxyFlushTooMuch holds that a response which is too large when a part of it is
// sent already arrives whole, and is not stored.
func TestProxyFlushTooMuch(t *testing.T) {
	s := newStore(t, cache.Options{MaxEntryBytes: 2 << 10})
	h := wrap(t, s, proxyRule(), func(w http.ResponseWriter, _ *http.Request) {
		for range 4 {
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<10))
			w.(http.Flusher).Flush()
		}
	})
	for range 2 {
		if w := get(h, "/a"); w.Body.Len() != 4<<10 || strings.Contains(status(w), "hit") {
			t.Errorf("%d bytes, %q", w.Body.Len(), status(w))
		}
	}
}

// TestProxyInforms holds that informational responses reach the client, and that
// nothing of them is stored.
func TestProxyInforms(t *testing.T) {
	proxy := newProxy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		w.Header().Set("Cache-Control", "max-age=60")
		_, _ = io.WriteString(w, "x")
	})
	for _, want := range []string{"</a.css>; rel=preload", ""} {
		var hints string
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(_ int, header textproto.MIMEHeader) error { hints = header.Get("Link"); return nil },
		}), http.MethodGet, proxy.URL+"/a", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := proxy.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if hints != want || response.Header.Get("Link") != "" || response.StatusCode != http.StatusOK {
			t.Errorf("hints %q, want %q; %v", hints, want, response)
		}
	}
}

// TestProxyStale holds that a response is used while it is refreshed where it says so
// itself, and no longer than the policy allows.
func TestProxyStale(t *testing.T) {
	for _, test := range []struct {
		directives string
		after      time.Duration
		want       string
	}{
		{"max-age=10", 11 * time.Second, "venta; fwd=stale; stored"},
		{"max-age=10, stale-while-revalidate=30", 11 * time.Second, revalidating10},
		{"max-age=10, stale-while-revalidate=3000", 11 * time.Second, revalidating10},
		{"max-age=10, stale-while-revalidate=3000", 71 * time.Second, "venta; fwd=stale; stored"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := wrap(t, newStore(t, cache.Options{}), proxyRule(), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", test.directives)
				text("x")(w, r)
			})
			get(h, "/a")
			time.Sleep(test.after)
			expect(t, get(h, "/a"), 200, "x", test.want)
			synctest.Wait()
		})
	}
}

const revalidating10 = "venta; hit; detail=stale-while-revalidate; ttl=-1"

// TestUnstorableDoesNotQueue holds that those who ask for a popular response which
// cannot be stored do not wait for each other.
func TestUnstorableDoesNotQueue(t *testing.T) {
	const clients, origin = 20, 100 * time.Millisecond
	for name, private := range map[string]http.HandlerFunc{
		"private": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "private")
			text("x")(w, r)
		},
		"404": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(origin) // virtual
					private(w, r)
				})
				get(h, "/a")
				for range 3 {
					begun := time.Now()
					done := make(chan *httptest.ResponseRecorder)
					for range clients {
						go func() { done <- get(h, "/a") }()
					}
					for range clients {
						<-done
					}
					if took := time.Since(begun); took != origin {
						t.Errorf("%d clients waited %v for an origin that takes %v", clients, took, origin)
					}
				}
			})
		})
	}
}

// TestStorableAgainIsShared holds that a response which could not be stored, and now
// can, is fetched once for all again.
func TestStorableAgainIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=5")
			if calls.Add(1) == 1 {
				w.Header().Set("Cache-Control", "private")
			}
			time.Sleep(time.Second) // virtual
			text("x")(w, r)
		})
		get(h, "/a")
		get(h, "/a")
		time.Sleep(10 * time.Second) // sooner than the first would be forgotten
		done := make(chan *httptest.ResponseRecorder)
		for range 5 {
			go func() { done <- get(h, "/a") }()
		}
		for range 5 {
			<-done
		}
		if calls.Load() != 3 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

// TestFarTimesAreShared holds that level 2 takes the longest lifetimes.
func TestFarTimesAreShared(t *testing.T) {
	for _, field := range [][2]string{
		{"Cache-Control", "max-age=99999999999999999999"}, {"Expires", "Fri, 31 Dec 9999 23:59:59 GMT"},
	} {
		synctest.Test(t, func(t *testing.T) {
			hub := newHub(1)
			for _, want := range []string{stored, "venta; hit; detail=level-2; ttl=2147483648"} {
				s := newStore(t, cache.Options{Remote: &fakeRemote{hub: hub}})
				defer s.Close()
				rule := baseRule()
				rule.Policy.StaleIfError = 1<<63 - 1
				h := wrap(t, s, rule, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set(field[0], field[1])
					w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
					text("x")(w, r)
				})
				w := get(h, "/a")
				time.Sleep(100 * time.Millisecond)
				expect(t, w, 200, "x", want)
			}
		})
	}
}

// TestSecretsAreDigests holds that what is shared has nothing by which one could
// speak in a client's name, and is found again.
func TestSecretsAreDigests(t *testing.T) {
	for _, field := range []string{"Cookie", "Authorization", "X-Api-Key"} {
		synctest.Test(t, func(t *testing.T) {
			hub := newHub(1)
			var calls atomic.Int64
			for range 2 {
				s := newStore(t, cache.Options{Remote: &fakeRemote{hub: hub}})
				defer s.Close()
				rule := baseRule()
				rule.AuthRequired = true
				h := wrap(t, s, rule, counting(&calls, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Vary", field)
					text("x")(w, r)
				}))
				for _, secret := range []string{"secret-of-one", "secret-of-another", "secret-of-one"} {
					get(h, "/a", field, secret)
					time.Sleep(100 * time.Millisecond)
				}
			}
			if calls.Load() != 2 {
				t.Errorf("%s: %d calls for two secrets", field, calls.Load())
			}
			for _, e := range hub.stored {
				if strings.Contains(string(e.bytes), "secret") {
					t.Errorf("%s: %q is shared", field, e.bytes)
				}
			}
		})
	}
}
