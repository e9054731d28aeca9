package cache_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

func TestHitAndAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"call":%d}`, calls.Load())
		}))
		first := get(h, "/a")
		expect(t, first, 200, `{"call":1}`, stored)
		if first.Header().Get("Age") != "" {
			t.Error("a response of the upstream has an Age")
		}
		time.Sleep(12*time.Second + 900*time.Millisecond) // virtual
		second := get(h, "/a")
		expect(t, second, 200, `{"call":1}`, "venta; hit; ttl=48")
		for name, want := range map[string]string{
			"Age": "12", "Content-Length": "10", "Content-Type": "application/json", "Etag": first.Header().Get("Etag"),
		} {
			if got := second.Header().Get(name); got != want || got == "" {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		time.Sleep(47*time.Second + 100*time.Millisecond - 1) // virtual
		expect(t, get(h, "/a"), 200, `{"call":1}`, "venta; hit; ttl=1")
		time.Sleep(time.Nanosecond) // virtual
		expect(t, get(h, "/a"), 200, `{"call":2}`, "venta; fwd=stale; stored")
		expect(t, get(h, "/b"), 200, `{"call":3}`, stored)
	})
}

func TestHeadIsAnsweredFromGet(t *testing.T) {
	var calls atomic.Int64
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("the handler is called by %s", r.Method)
		}
		text("hello")(w, r)
	}))
	for i, want := range []string{stored, hit60} {
		head := do(h, request(http.MethodHead, "/a"))
		expect(t, head, 200, "", want)
		if head.Header().Get("Content-Length") != "5" || head.Header().Get("Etag") == "" {
			t.Errorf("HEAD %d: %v", i, head.Header())
		}
	}
	expect(t, get(h, "/a"), 200, "hello", hit60)
	if calls.Load() != 1 {
		t.Errorf("%d calls", calls.Load())
	}
}

// TestUpstreamRequest holds what of a client's request is for the cache alone.
func TestUpstreamRequest(t *testing.T) {
	var seen http.Header
	var ctx context.Context
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
		seen, ctx = r.Header, r.Context()
		text("x")(w, r)
	})
	r := request(http.MethodGet, "/a", "If-None-Match", `"a"`, "If-Modified-Since", "x", "Accept-Encoding", "gzip", "Te", "trailers", "X-Other", "kept")
	before := r.Header.Clone()
	do(h, r)
	if want := (http.Header{"X-Other": {"kept"}}); !maps.EqualFunc(seen, want, slices.Equal) {
		t.Errorf("the handler sees %v", seen)
	}
	if !maps.EqualFunc(r.Header, before, slices.Equal) {
		t.Errorf("the client's request has become %v", r.Header)
	}
	if ctx.Err() == nil {
		t.Error("the context that the handler was called with goes on")
	}
}

func TestConditions(t *testing.T) {
	const date = "Mon, 02 Nov 2026 10:00:00 GMT"
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") != "" {
			t.Error("the handler sees the client's condition")
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Last-Modified", date)
		if r.URL.Path == "/private" {
			w.Header().Set("Etag", `"own"`)
			w.Header().Set("Cache-Control", "private")
		}
		text("hello")(w, r)
	})
	tag := get(h, "/tag").Header().Get("Etag")
	tests := []struct {
		name, target string
		fields       []string
		code         int
	}{
		{"hit", "/tag", []string{"If-None-Match", tag}, 304},
		{"hit, changed", "/tag", []string{"If-None-Match", `"else"`}, 200},
		{"hit by date", "/tag", []string{"If-Modified-Since", date}, 304},
		{"miss", "/miss", []string{"If-None-Match", tag}, 304},
		{"miss that was stored whole", "/miss", nil, 200},
		{"miss by date", "/miss-by-date", []string{"If-Modified-Since", date}, 304},
		{"not stored", "/private", []string{"If-None-Match", `"own"`}, 304},
		{"not stored, changed", "/private", []string{"If-None-Match", tag}, 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := get(h, test.target, test.fields...)
			body := "hello"
			if test.code == http.StatusNotModified {
				body = ""
				if w.Header().Get("Content-Type") != "" || w.Header().Get("Content-Length") != "" {
					t.Errorf("304 describes a body: %v", w.Header())
				}
				if w.Header().Get("Etag") == "" {
					t.Error("304 without ETag")
				}
			}
			if w.Code != test.code || w.Body.String() != body {
				t.Errorf("%d %q, want %d", w.Code, w.Body, test.code)
			}
		})
	}
}

func TestWhatPassesBy(t *testing.T) {
	tests := []struct {
		name   string
		method string
		fields []string
		body   string
		want   string
	}{
		{"a write", http.MethodPost, nil, "", "venta; fwd=method"},
		{"a range", http.MethodGet, []string{"Range", "bytes=0-1"}, "", "venta; fwd=bypass; detail=range"},
		{"If-Match", http.MethodGet, []string{"If-Match", `"a"`}, "", "venta; fwd=bypass; detail=precondition"},
		{"If-Unmodified-Since", http.MethodGet, []string{"If-Unmodified-Since", "x"}, "", "venta; fwd=bypass; detail=precondition"},
		{"a body, which is in no key", http.MethodGet, nil, "evil", "venta; fwd=bypass; detail=body"},
		{"an upgrade", http.MethodGet, []string{"Upgrade", "websocket"}, "", "venta; fwd=bypass; detail=upgrade"},
		{"no-store", http.MethodGet, []string{"Cache-Control", "no-store"}, "", "venta; fwd=bypass; detail=no-store"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var calls atomic.Int64
			h := wrap(t, newStore(t, cache.Options{}), baseRule(), counting(&calls, text("x")))
			for range 2 {
				r := httptest.NewRequest(test.method, "/a", strings.NewReader(test.body))
				for i := 0; i < len(test.fields); i += 2 {
					r.Header.Add(test.fields[i], test.fields[i+1])
				}
				expect(t, do(h, r), 200, "x", test.want)
			}
			expect(t, get(h, "/a"), 200, "x", stored)
			if calls.Load() != 3 {
				t.Errorf("%d calls, want 3", calls.Load())
			}
		})
	}
}

func TestRequestDirectives(t *testing.T) {
	tests := []struct {
		directive string
		code      int
		want      string
	}{
		{"max-age=10", 200, "venta; hit; ttl=50"},
		{"max-age=9", 200, "venta; fwd=request; stored"},
		{"max-age=0", 200, "venta; fwd=request; stored"},
		{"max-age=x", 200, "venta; fwd=request; stored"},
		{"no-cache", 200, "venta; fwd=request; stored"},
		{"min-fresh=50", 200, "venta; hit; ttl=50"},
		{"min-fresh=51", 200, "venta; fwd=request; stored"},
		{"max-stale=100", 200, "venta; hit; ttl=50"},
		{"only-if-cached", 200, "venta; hit; ttl=50"},
		{"only-if-cached, max-age=1", 504, "venta; detail=only-if-cached"},
	}
	for _, test := range tests {
		t.Run(test.directive, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := wrap(t, newStore(t, cache.Options{}), baseRule(), text("x"))
				get(h, "/a")
				time.Sleep(10 * time.Second) // virtual
				w := get(h, "/a", "Cache-Control", test.directive)
				if w.Code != test.code || status(w) != test.want {
					t.Errorf("%d %q, want %d %q", w.Code, status(w), test.code, test.want)
				}
				if test.code == 200 && !strings.Contains(test.want, "hit") {
					expect(t, get(h, "/a"), 200, "x", hit60)
				}
			})
		})
	}
}

// TestResponsesApart sends pairs of requests that must never share a response.
func TestResponsesApart(t *testing.T) {
	byPrincipal := func(r *cache.Rule) { r.Policy.Audience = policy.AudiencePrincipal }
	pass := func(*cache.Rule) {}
	fromHeader := func(r *cache.Rule) {
		byPrincipal(r)
		r.Key = func(r *http.Request) (string, bool, error) { return r.Header.Get("X-Key"), true, nil }
	}
	vary := func(r *cache.Rule) { r.Policy.VaryHeaders = []string{"accept-language", "X-B"} }
	tests := []struct {
		name     string
		rule     func(*cache.Rule)
		one, two *http.Request
	}{
		{"paths", pass, request("GET", "/a"), request("GET", "/b")},
		{"queries", pass, request("GET", "/a?x=1"), request("GET", "/a?x=2")},
		{"an empty query", pass, request("GET", "/a"), request("GET", "/a?")},
		{"hosts", pass, request("GET", "http://one/a"), request("GET", "http://two/a")},
		{"principals", byPrincipal, request("GET", "/a", "X-Principal", "ann"), request("GET", "/a", "X-Principal", "bob")},
		{"principals by case", byPrincipal, request("GET", "/a", "X-Principal", "ann"), request("GET", "/a", "X-Principal", "Ann")},
		{"a principal that ends like a key begins", fromHeader,
			request("GET", "/", "X-Principal", "a", "X-Key", "bc"), request("GET", "/", "X-Principal", "ab", "X-Key", "c")},
		{"a principal with lengths in it", fromHeader,
			request("GET", "/", "X-Principal", "1:a", "X-Key", "1:b"), request("GET", "/", "X-Principal", "1:a1:b", "X-Key", "")},
		{"a file's name at the end", byPrincipal,
			request("GET", "/me", "X-Principal", "ann"), request("GET", "/me/x.css", "X-Principal", "bob")},
		{"languages", vary, request("GET", "/a", "Accept-Language", "de"), request("GET", "/a", "Accept-Language", "fr")},
		{"a language and none", vary, request("GET", "/a", "Accept-Language", "de"), request("GET", "/a")},
		{"an empty field and none", vary, request("GET", "/a", "Accept-Language", ""), request("GET", "/a")},
		{"one line and two", vary,
			request("GET", "/a", "Accept-Language", "de", "Accept-Language", "fr"), request("GET", "/a", "Accept-Language", "de, fr")},
		{"a value that moves to the next field", vary,
			request("GET", "/a", "Accept-Language", "x", "X-B", "y"), request("GET", "/a", "Accept-Language", "xy")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var calls atomic.Int64
			rule := baseRule()
			test.rule(&rule)
			h := wrap(t, newStore(t, cache.Options{}), rule, counting(&calls, func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, calls.Load())
			}))
			for range 2 { // both stay stored
				if got := do(h, test.one).Body.String(); got != "1" {
					t.Errorf("the first request got response %s", got)
				}
				if got := do(h, test.two).Body.String(); got != "2" {
					t.Errorf("the second request got response %s", got)
				}
			}
		})
	}
}

func TestHostsAreEqualInAnyCase(t *testing.T) {
	h := wrap(t, newStore(t, cache.Options{}), baseRule(), text("x"))
	expect(t, get(h, "http://One.example/a"), 200, "x", stored)
	expect(t, get(h, "http://oNE.example/a"), 200, "x", hit60)
}

func TestRulesDoNotShare(t *testing.T) {
	s := newStore(t, cache.Options{})
	rules := []func(*cache.Rule){
		func(*cache.Rule) {},
		func(r *cache.Rule) { r.Name = "venta.test.v1.Test.Other" },
		func(r *cache.Rule) { r.Policy.TTL = time.Hour },
		func(r *cache.Rule) { r.Policy.KeyFields = []string{"id"} },
		func(r *cache.Rule) { r.AuthRequired = true },
	}
	for i, change := range rules {
		rule := baseRule()
		change(&rule)
		body := fmt.Sprint(i)
		if got := get(wrap(t, s, rule, text(body)), "/a").Body.String(); got != body {
			t.Errorf("rule %d gets %s", i, got)
		}
	}
	if w := get(wrap(t, s, baseRule(), text("new")), "/a"); w.Body.String() != "0" {
		t.Errorf("the same rule built again does not find its responses: %s", w.Body)
	}
}

func TestAnonymousPassesAnAudienceOfPrincipals(t *testing.T) {
	rule := baseRule()
	rule.Policy.Audience = policy.AudiencePrincipal
	h := wrap(t, newStore(t, cache.Options{}), rule, text("x"))
	for range 2 {
		expect(t, get(h, "/a"), 200, "x", "venta; fwd=bypass; detail=anonymous")
	}
}

func TestAuthorization(t *testing.T) {
	tests := []struct {
		name    string
		rule    func(*cache.Rule)
		control string
		stored  bool
	}{
		{"no word of the audience", func(*cache.Rule) {}, "", false},
		{"max-age alone", func(*cache.Rule) {}, "max-age=60", false},
		{"the response says public", func(*cache.Rule) {}, "public", true},
		{"the response says s-maxage", func(*cache.Rule) {}, "s-maxage=60", true},
		{"the response says must-revalidate", func(*cache.Rule) {}, "must-revalidate", true},
		{"the author said public", func(r *cache.Rule) { r.AuthRequired = true }, "", true},
		{"the author said principal", func(r *cache.Rule) { r.Policy.Audience = policy.AudiencePrincipal }, "", true},
		{"private wins over the author", func(r *cache.Rule) { r.AuthRequired = true }, "private", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rule := baseRule()
			test.rule(&rule)
			h := wrap(t, newStore(t, cache.Options{}), rule, func(w http.ResponseWriter, _ *http.Request) {
				if test.control != "" {
					w.Header().Set("Cache-Control", test.control)
				}
				text("x")(w, nil)
			})
			w := get(h, "/a", "Authorization", "Bearer a", "X-Principal", "ann")
			if got := strings.HasSuffix(status(w), "; stored"); got != test.stored {
				t.Errorf("stored = %v: %s", got, status(w))
			}
		})
	}
}

func TestErrorsRefuse(t *testing.T) {
	broken := errors.New("broken")
	tests := map[string]func(*cache.Rule){
		"key":  func(r *cache.Rule) { r.Key = func(*http.Request) (string, bool, error) { return "", false, broken } },
		"tags": func(r *cache.Rule) { r.Tags = func(*http.Request) ([]string, error) { return nil, broken } },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			rule := baseRule()
			change(&rule)
			var got error
			rule.OnError = func(_ http.ResponseWriter, _ *http.Request, err error) { got = err }
			h := wrap(t, newStore(t, cache.Options{}), rule, func(http.ResponseWriter, *http.Request) { t.Error("the handler is reached") })
			get(h, "/a")
			if !errors.Is(got, broken) {
				t.Errorf("OnError got %v", got)
			}
		})
	}
}

func TestKeyMayPassBy(t *testing.T) {
	rule := baseRule()
	rule.Key = func(*http.Request) (string, bool, error) { return "same", false, nil }
	h := wrap(t, newStore(t, cache.Options{}), rule, text("x"))
	for range 2 {
		expect(t, get(h, "/a"), 200, "x", "venta; fwd=bypass; detail=key")
	}
}

func TestObserve(t *testing.T) {
	var seen []cache.Outcome
	rule := baseRule()
	rule.OnOutcome = func(_ *http.Request, o cache.Outcome) { seen = append(seen, o) }
	h := wrap(t, newStore(t, cache.Options{}), rule, text("x"))
	get(h, "/a")
	get(h, "/a")
	get(h, "/a", "Range", "bytes=0-")
	get(h, "/b", "Cache-Control", "only-if-cached")
	if want := []cache.Outcome{cache.Miss, cache.Hit, cache.Bypass, cache.Refused}; !slices.Equal(seen, want) {
		t.Errorf("observed %v, want %v", seen, want)
	}
}
