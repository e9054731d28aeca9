package rediscache_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// A busy machine keeps neither the defaults' timeouts nor a bound that is much
// shorter than this one. One that is very busy keeps the calm one alone, for tests in
// which nobody waits for a bound to pass: who gets no processor for half of it is not
// trusted for a moment, and rightly so.
const (
	bound       = 1200 * time.Millisecond
	calmBound   = 3 * time.Second
	replyBounds = 5 * time.Second
)

// process is what one gateway of a fleet has of the cache.
type process struct {
	store  *cache.Store
	remote *rediscache.Remote
	events *events
	reads  http.Handler
	writes http.Handler
}

// events counts.
type events struct {
	mu     sync.Mutex
	counts map[cache.Event]int
}

func (e *events) add(event cache.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = make(map[cache.Event]int)
	}
	e.counts[event]++
}

func (e *events) of(event cache.Event) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[event]
}

func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprint(e.counts)
}

// backend is the upstream of a fleet: numbers by path, which a write raises.
type backend struct {
	values sync.Map // of *atomic.Int64 by path
	calls  atomic.Int64
	delay  time.Duration
}

func (b *backend) value(r *http.Request) *atomic.Int64 {
	v, _ := b.values.LoadOrStore(r.URL.Path, new(atomic.Int64))
	return v.(*atomic.Int64)
}

func (b *backend) read(w http.ResponseWriter, r *http.Request) {
	b.calls.Add(1)
	value := b.value(r).Load()
	if b.delay > 0 {
		<-time.After(b.delay)
	}
	_, _ = fmt.Fprint(w, value)
}

func (b *backend) write(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprint(w, b.value(r).Add(1))
}

func pathTag(r *http.Request) ([]string, error) { return []string{"value:" + r.URL.Path}, nil }

func testRule() cache.Rule {
	return cache.Rule{
		Policy:        policy.Cache{TTL: time.Minute, Audience: policy.AudiencePublic},
		Name:          "venta.test.v1.Test.Get",
		Key:           func(r *http.Request) (string, bool, error) { return r.URL.RequestURI(), true, nil },
		Tags:          pathTag,
		IgnoreTargets: true,
		OnError:       onError,
	}
}

func onError(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

// options is what a test may change of a process.
type options struct {
	store  cache.Options
	remote rediscache.Options
	rule   func(*cache.Rule)
}

// start starts a process that is trusted when start returns.
func start(t testing.TB, client *redis.Client, b *backend, change ...func(*options)) *process {
	t.Helper()
	p := launch(t, client, b, change...)
	p.awaitTrust(t)
	return p
}

func (p *process) awaitTrust(t testing.TB) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("events %s", p.events)
		}
	}()
	redistest.Eventually(t, func() bool { return p.remote.Trusted(time.Now()) })
}

func launch(t testing.TB, client *redis.Client, b *backend, change ...func(*options)) *process {
	t.Helper()
	p := &process{events: new(events)}
	rule := testRule()
	rule.OnEvent = func(_ *http.Request, e cache.Event) { p.events.add(e) }
	o := options{remote: rediscache.Options{Client: client, Bound: bound, AckTimeout: replyBounds, OnEvent: p.events.add}}
	for _, each := range change {
		each(&o)
	}
	if o.rule != nil {
		o.rule(&rule)
	}
	var err error
	if p.remote, err = rediscache.New(o.remote); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.remote.Close)
	o.store.Remote = p.remote
	if p.store, err = cache.NewStore(o.store); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.store.Close)
	middleware, err := p.store.Middleware(rule)
	if err != nil {
		t.Fatal(err)
	}
	p.reads = middleware(http.HandlerFunc(b.read))
	invalidate, err := p.store.Invalidator(cache.InvalidateRule{Tags: pathTag, OnError: onError})
	if err != nil {
		t.Fatal(err)
	}
	p.writes = invalidate(http.HandlerFunc(b.write))
	return p
}

// fleet starts processes that share one server, and take their time.
func fleet(t testing.TB, n int, b *backend, change ...func(*options)) (*redistest.Server, []*process) {
	t.Helper()
	server := redistest.Start(t)
	calm := func(o *options) { o.remote.Bound = calmBound }
	return server, startAll(t, server.Open, n, b, append([]func(*options){calm}, change...)...)
}

func startAll(t testing.TB, open func(testing.TB) *redis.Client, n int, b *backend, change ...func(*options)) []*process {
	t.Helper()
	all := make([]*process, n)
	for i := range all {
		all[i] = launch(t, open(t), b, change...)
	}
	for _, p := range all {
		p.awaitTrust(t)
	}
	return all
}

func get(h http.Handler, target string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func put(h http.Handler, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPut, target, nil))
	return w
}

func number(w *httptest.ResponseRecorder) (n int64) {
	if _, err := fmt.Sscan(w.Body.String(), &n); err != nil {
		return -1
	}
	return n
}

func status(w *httptest.ResponseRecorder) string { return w.Header().Get("Cache-Status") }

func isHit(w *httptest.ResponseRecorder) bool {
	return strings.HasPrefix(status(w), "venta; hit; ttl=")
}

func isRemoteHit(w *httptest.ResponseRecorder) bool {
	return strings.HasPrefix(status(w), "venta; hit; detail=level-2")
}

// awaitStored returns once a process has stored as many entries.
func awaitStored(t testing.TB, p *process, n int) {
	t.Helper()
	redistest.Eventually(t, func() bool { return p.events.of(rediscache.EventPut) >= n })
}

// fill calls until the response is in both levels: with little time for Redis, one
// may not come that far on a busy machine.
func fill(t testing.TB, p *process, target string) {
	t.Helper()
	before := p.events.of(rediscache.EventPut)
	redistest.Eventually(t, func() bool {
		get(p.reads, target, "Cache-Control", "no-cache")
		return p.events.of(rediscache.EventPut) > before
	})
}
