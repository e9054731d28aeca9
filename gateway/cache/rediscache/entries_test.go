package rediscache_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/policy"
)

// raw is a connection for what no process does.
type raw struct {
	t *testing.T
	rueidis.Client
}

func (r raw) do(args ...string) rueidis.RedisResult {
	r.t.Helper()
	result := r.Do(context.Background(), r.B().Arbitrary(args...).Build())
	if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) {
		r.t.Fatal(args, err)
	}
	return result
}

func (r raw) keys(pattern string) []string {
	r.t.Helper()
	keys, err := r.do("KEYS", pattern).AsStrSlice()
	if err != nil {
		r.t.Fatal(err)
	}
	return keys
}

func (r raw) get(key string) string {
	r.t.Helper()
	value, err := r.do("GET", key).ToString()
	if err != nil {
		r.t.Fatal(key, err)
	}
	return value
}

// unusableBytes bounds the entries of TestUnusableEntries.
const unusableBytes = 4 << 10

// unusable is something else than the entry that was stored.
type unusable struct {
	name  string
	spoil func(c raw, key string)
	event cache.Event // that is told
}

func unusables() []unusable {
	return []unusable{
		{"a bit", func(c raw, key string) {
			value := []byte(c.get(key))
			value[len(value)-1] ^= 1
			c.do("SET", key, string(value), "KEEPTTL")
		}, cache.RemoteCorrupt},
		{"a bit of the head", func(c raw, key string) {
			value := []byte(c.get(key))
			value[32] ^= 1
			c.do("SET", key, string(value), "KEEPTTL")
		}, cache.RemoteCorrupt},
		{"the stamp", func(c raw, key string) {
			value := []byte(c.get(key))
			value[0] ^= 1
			c.do("SET", key, string(value), "KEEPTTL")
		}, cache.RemoteMiss},
		{"a part", func(c raw, key string) {
			value := c.get(key)
			c.do("SET", key, value[:len(value)/2], "KEEPTTL")
		}, cache.RemoteCorrupt},
		{"the stamp alone", func(c raw, key string) {
			c.do("SET", key, c.get(key)[:16], "KEEPTTL")
		}, rediscache.EventMalformed},
		{"noise", func(c raw, key string) {
			c.do("SET", key, c.get(key)[:16]+rand.Text()+rand.Text(), "KEEPTTL")
		}, cache.RemoteCorrupt},
		{"too much", func(c raw, key string) {
			c.do("SET", key, c.get(key)+strings.Repeat("x", unusableBytes), "KEEPTTL")
		}, rediscache.EventOversized},
		{"a list", func(c raw, key string) { c.do("DEL", key); c.do("RPUSH", key, "x") }, rediscache.EventMalformed},
		{"no end", func(c raw, key string) { c.do("PERSIST", key) }, cache.RemoteMiss},
		{"nothing", func(c raw, key string) { c.do("DEL", key) }, cache.RemoteMiss},
		{"the value of a tag", func(c raw, _ string) {
			c.do("SET", c.keys("*:t:*")[0], "other", "KEEPTTL")
		}, cache.RemoteMiss},
		{"a tag of another type", func(c raw, _ string) {
			key := c.keys("*:t:*")[0]
			c.do("DEL", key)
			c.do("RPUSH", key, "x")
		}, cache.RemoteFailed},
		{"no tag", func(c raw, _ string) { c.do("DEL", c.keys("*:t:*")[0]) }, cache.RemoteMiss},
		{"no epoch", func(c raw, _ string) { c.do("DEL", c.keys("*:epoch")[0]) }, cache.RemoteMiss},
	}
}

// TestUnusableEntries puts something else into Redis where an entry was. It is a
// miss, and counted.
func TestUnusableEntries(t *testing.T) { //nolint:tparallel // one fleet has them all, one after the other
	t.Parallel()
	b := new(backend)
	server, p := fleet(t, 2, b, func(o *options) { o.remote.MaxEntryBytes = unusableBytes })
	c := raw{t, server.Open(t).Conn()}
	puts := 0
	for i, test := range unusables() {
		t.Run(test.name, func(t *testing.T) {
			c := raw{t, c}
			target := fmt.Sprint("/", i)
			for _, key := range c.keys("*") {
				if !strings.HasSuffix(key, ":epoch") && !strings.HasSuffix(key, ":run") && !strings.HasSuffix(key, ":members") {
					c.do("DEL", key)
				}
			}
			stored := p[0].events.of(rediscache.EventPut)
			get(p[0].reads, target)
			awaitStored(t, p[0], stored+1)
			before := p[1].events.of(test.event)
			entries := c.keys("*:v")
			if len(entries) != 1 {
				t.Fatalf("entries %q", entries)
			}
			test.spoil(c, entries[0])
			w := get(p[1].reads, target)
			if w.Code != http.StatusOK || isHit(w) || isRemoteHit(w) {
				t.Errorf("%d %q", w.Code, status(w))
			}
			if p[1].events.of(test.event) == before {
				t.Errorf("no %q in %s", test.event, p[1].events)
			}
			if test.event != cache.RemoteFailed { // then nothing can be stored
				puts++
			}
			awaitStored(t, p[1], puts)
		})
	}
}

// TestForeignEntries exchanges the entries of two requests whose stamps are equal.
func TestForeignEntries(t *testing.T) {
	t.Parallel()
	server, p := fleet(t, 2, new(backend), func(o *options) {
		o.rule = func(r *cache.Rule) {
			r.Tags = nil
			r.Policy.Audience = policy.AudiencePrincipal
			r.Principal = func(r *http.Request) string { return r.Header.Get("X-Principal") }
		}
	})
	c := raw{t, server.Open(t).Conn()}
	get(p[0].reads, "/a", "X-Principal", "alice")
	get(p[0].reads, "/a", "X-Principal", "bob")
	awaitStored(t, p[0], 2)
	keys := c.keys("*:v")
	if len(keys) != 2 {
		t.Fatalf("entries %q", keys)
	}
	first, second := c.get(keys[0]), c.get(keys[1])
	c.do("SET", keys[0], second, "KEEPTTL")
	c.do("SET", keys[1], first, "KEEPTTL")
	for _, who := range []string{"alice", "bob"} {
		if w := get(p[1].reads, "/a", "X-Principal", who); isRemoteHit(w) || isHit(w) {
			t.Errorf("%s gets the response of another", who)
		}
	}
	if got := p[1].events.of(cache.RemoteForeign); got < 2 {
		t.Errorf("events %s", p[1].events)
	}
}

// TestKeysTellNothing looks for what a request and its tags have in the names in
// Redis.
func TestKeysTellNothing(t *testing.T) {
	t.Parallel()
	server, p := fleet(t, 1, new(backend))
	c := raw{t, server.Open(t).Conn()}
	get(p[0].reads, "/secret-path?token=secret-token")
	awaitStored(t, p[0], 1)
	put(p[0].writes, "/other-secret")
	keys := c.keys("*")
	if len(keys) < 4 {
		t.Errorf("keys %q", keys)
	}
	for _, key := range keys {
		if strings.Contains(key, "secret") || !strings.HasPrefix(strings.TrimPrefix(key, "{"), "venta:") {
			t.Errorf("key %q", key)
		}
	}
}

// TestVariants stores responses that vary on more than their rule says.
func TestVariants(t *testing.T) {
	t.Parallel()
	upstream := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept-Language, X-Kind")
		_, _ = fmt.Fprint(w, r.Header.Get("Accept-Language"), r.Header.Get("X-Kind"))
	}
	_, p := fleet(t, 2, new(backend), func(o *options) {
		o.rule = func(r *cache.Rule) { r.Policy.VaryHeaders = []string{"Accept-Language"} }
	})
	rule := testRule()
	rule.Policy.VaryHeaders = []string{"Accept-Language"}
	var reads [2]http.Handler
	for i := range reads {
		middleware, err := p[i].store.Middleware(rule)
		if err != nil {
			t.Fatal(err)
		}
		reads[i] = middleware(http.HandlerFunc(upstream))
	}
	variants := [][]string{
		{"Accept-Language", "de", "X-Kind", "1"}, {"Accept-Language", "en", "X-Kind", "1"},
		{"Accept-Language", "de", "X-Kind", "2"}, {"Accept-Language", "de"}, {},
	}
	for _, fields := range variants {
		get(reads[0], "/a", fields...)
	}
	awaitStored(t, p[0], 2*len(variants))
	for _, fields := range variants {
		w := get(reads[1], "/a", fields...)
		want := ""
		for i := 1; i < len(fields); i += 2 {
			want += fields[i]
		}
		if !isRemoteHit(w) || w.Body.String() != want {
			t.Errorf("%q: %q %q", fields, w.Body, status(w))
		}
	}
	if w := get(reads[1], "/a", "Accept-Language", "fr"); isRemoteHit(w) || w.Body.String() != "fr" {
		t.Errorf("another: %q %q", w.Body, status(w))
	}
}

// TestResponseSurvives compares all of a response that came by level 2.
func TestResponseSurvives(t *testing.T) {
	t.Parallel()
	responses := map[string]http.HandlerFunc{
		"/plain": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) },
		"/empty": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
		"/rich": func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h["Link"] = []string{"</a>; rel=a", "</b>; rel=b"}
			h.Set("Last-Modified", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
			h.Set("Etag", `W/"1"`)
			h.Set("Cache-Control", "max-age=100, stale-if-error=5")
			_, _ = w.Write([]byte(strings.Repeat("{}\x00", 1000)))
		},
		"/missing": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "none", http.StatusNotFound) },
		"/aged": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Age", "7")
			_, _ = w.Write([]byte("x"))
		},
	}
	_, p := fleet(t, 2, new(backend))
	rule := testRule()
	rule.Policy.NegativeTTL = time.Minute
	var reads [2]http.Handler
	for i := range reads {
		middleware, err := p[i].store.Middleware(rule)
		if err != nil {
			t.Fatal(err)
		}
		reads[i] = middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { responses[r.URL.Path](w, r) }))
	}
	for path := range responses {
		get(reads[0], path)
	}
	awaitStored(t, p[0], len(responses))
	for path := range responses {
		want, got := get(reads[0], path), get(reads[1], path)
		if !isHit(want) || !isRemoteHit(got) {
			t.Errorf("%s: %q and %q", path, status(want), status(got))
		}
		compare(t, path, want, got)
		again := get(reads[1], path)
		if !isHit(again) {
			t.Errorf("%s again: %q", path, status(again))
		}
		compare(t, path, want, again)
		etag := want.Header().Get("Etag")
		if w := get(reads[1], path, "If-None-Match", etag); etag != "" && w.Code != http.StatusNotModified {
			t.Errorf("%s with its tag: %d", path, w.Code)
		}
	}
}

func compare(t *testing.T, path string, want, got *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != want.Code || got.Body.String() != want.Body.String() {
		t.Errorf("%s: %d and %d bytes, want %d and %d", path, got.Code, got.Body.Len(), want.Code, want.Body.Len())
	}
	g, w := got.Header().Clone(), want.Header().Clone()
	g.Del("Cache-Status")
	w.Del("Cache-Status")
	if fmt.Sprint(g) != fmt.Sprint(w) {
		t.Errorf("%s: header\n%v, want\n%v", path, g, w)
	}
}

// TestUnsharedResponses lets who waits for a response fetch by itself when it turns out
// to be for one client alone.
func TestUnsharedResponses(t *testing.T) { //nolint:tparallel // one fleet has them all, one after the other
	t.Parallel()
	tests := []struct {
		name     string
		response http.HandlerFunc
	}{
		{"private", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", "private") }},
		{"a failure", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
		{"a panic", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"too large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) }},
	}
	_, p := fleet(t, 2, new(backend), func(o *options) { o.store.MaxRemoteWait = replyBounds })
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			entered, leave := make(chan struct{}), make(chan struct{})
			slow := wrap(t, p[0], func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				<-leave
				test.response(w, r)
			})
			quick := wrap(t, p[1], func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, 7) })
			target := fmt.Sprint("/", i)
			var clients sync.WaitGroup
			clients.Go(func() {
				defer func() { _ = recover() }()
				get(slow, target)
			})
			<-entered
			waits := make(chan struct{})
			clients.Go(func() {
				close(waits)
				if w := get(quick, target); number(w) != 7 {
					t.Errorf("%d %q: %s", w.Code, w.Body, p[1].events)
				}
			})
			<-waits
			close(leave)
			clients.Wait()
			if p[1].events.of(cache.RemoteGaveUp) > 0 {
				t.Errorf("it waited in vain: %s", p[1].events)
			}
		})
	}
}

func wrap(t *testing.T, p *process, next http.HandlerFunc) http.Handler {
	t.Helper()
	rule := testRule()
	rule.OnEvent = func(_ *http.Request, e cache.Event) { p.events.add(e) }
	middleware, err := p.store.Middleware(rule)
	if err != nil {
		t.Fatal(err)
	}
	return middleware(next)
}

// TestWaitIsBounded does not wait longer for another process than it is told to.
func TestWaitIsBounded(t *testing.T) {
	t.Parallel()
	_, p := fleet(t, 2, new(backend), func(o *options) { o.store.MaxRemoteWait = 50 * time.Millisecond })
	entered, leave := make(chan struct{}), make(chan struct{})
	slow := wrap(t, p[0], func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = fmt.Fprint(w, 1)
	})
	quick := wrap(t, p[1], func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, 2) })
	var client sync.WaitGroup
	client.Go(func() { get(slow, "/a") })
	<-entered
	if w := get(quick, "/a"); number(w) != 2 || p[1].events.of(cache.RemoteGaveUp) != 1 {
		t.Errorf("%q %s", w.Body, p[1].events)
	}
	close(leave)
	client.Wait()
}
