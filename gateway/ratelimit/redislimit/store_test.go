package redislimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/ratelimit/redislimit"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

func sharedBy(name string, source policy.RateLimitSource, requests, burst int64, interval time.Duration) policy.RateLimit {
	return policy.RateLimit{
		Name: name, Requests: requests, Burst: burst, Interval: interval, Shared: true, OnStoreFailure: policy.FailureDeny,
		Key: policy.RateLimitKey{Source: source, Header: "X-Key"}, Cost: policy.RateLimitCost{Units: 1},
	}
}

// gateway is a process's limiter.
type gateway struct {
	*ratelimit.Limiter
	limits []policy.RateLimit
	failed atomic.Int64
}

func newGateway(t testing.TB, store ratelimit.Store, limits ...policy.RateLimit) *gateway {
	t.Helper()
	g, err := openGateway(store, limits...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func openGateway(store ratelimit.Store, limits ...policy.RateLimit) (*gateway, error) {
	g := &gateway{limits: limits}
	l, err := ratelimit.New(limits, ratelimit.Options{
		Key:     func(r *http.Request, k policy.RateLimitKey) (string, error) { return r.Header.Get(k.Header), nil },
		OnError: func(http.ResponseWriter, *http.Request, error) {}, Store: store, Scope: "/shop.Shop/Buy",
		OnStoreFailure: func(context.Context, string, error) { g.failed.Add(1) },
	})
	g.Limiter = l
	return g, err
}

func (g *gateway) ask(key string) (bool, []ratelimit.Decision) {
	charges := make([]ratelimit.Charge, len(g.limits))
	for i, limit := range g.limits {
		if limit.Key.Source != policy.KeyGlobal {
			charges[i].Key = key
		}
	}
	decisions := make([]ratelimit.Decision, len(g.limits))
	return g.Decide(context.Background(), time.Now(), charges, decisions), decisions
}

func (g *gateway) admit(key string, n int) int {
	admitted := 0
	for range n {
		if ok, _ := g.ask(key); ok {
			admitted++
		}
	}
	return admitted
}

func serverTime(t testing.TB, c *redis.Client) time.Time {
	t.Helper()
	parts, err := redis.Do(t.Context(), c, "", func(ctx context.Context, r rueidis.Client) ([]int64, error) {
		return r.Do(ctx, r.B().Time().Build()).AsIntSlice()
	})
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMicro(parts[0]*1e6 + parts[1])
}

// load asks four times each millisecond, or as fast as the machine can.
func load(g *gateway, ticks int, asked, admitted *atomic.Int64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range ticks {
		admitted.Add(int64(g.admit("", 4)))
		asked.Add(4)
		<-tick.C
	}
}

func TestScriptFlush(t *testing.T) {
	server := redistest.Start(t)
	g := newGateway(t, redislimit.New(server.Open(t)), sharedBy("x", policy.KeyHeader, 1, 10, time.Hour))
	admitted := 0
	for range 20 {
		admitted += g.admit("k", 1)
		server.Do("SCRIPT", "FLUSH")
	}
	if admitted != 10 || g.failed.Load() != 0 {
		t.Errorf("%d admitted, %d failures", admitted, g.failed.Load())
	}
}

// keyOf returns the only key of a server.
func keyOf(t testing.TB, c *redis.Client) string {
	t.Helper()
	keys, err := redis.Do(t.Context(), c, "", func(ctx context.Context, r rueidis.Client) ([]string, error) {
		return r.Do(ctx, r.B().Keys().Pattern("venta:rl:*").Build()).AsStrSlice()
	})
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys = %q, %v", keys, err)
	}
	return keys[0]
}

func TestForeignValues(t *testing.T) {
	server := redistest.Start(t)
	c := server.Open(t)
	store := redislimit.New(c)
	g := newGateway(t, store, sharedBy("x", policy.KeyHeader, 1, 10, time.Hour))
	g.admit("k", 1)
	key := keyOf(t, c)
	for i, write := range [][]string{{"LPUSH", key, "a"}, {"SET", key, "hello"}, {"SET", key, ""}, {"SET", key, "-5 5"}, {"HSET", key, "a", "b"}} {
		server.Do("DEL", key)
		server.Do(write...)
		ok, said := g.ask("k")
		if ok || !said[0].StoreFailed || store.Foreign() != int64(i+1) || g.failed.Load() != int64(i+1) {
			t.Errorf("%q: %v %+v, %d foreign", write, ok, said, store.Foreign())
		}
		if kind := server.Do("TYPE", key); write[0] == "LPUSH" && kind != "+list" {
			t.Errorf("the foreign value became %s", kind)
		}
	}
	if s := c.Stats(); s.Failures != 0 {
		t.Errorf("stats = %+v: the server is well", s)
	}
	server.Do("DEL", key)
	if ok, _ := g.ask("k"); !ok {
		t.Error("not counted once the value is gone")
	}
}

func TestKeysExpire(t *testing.T) {
	server := redistest.Start(t)
	c := server.Open(t)
	g := newGateway(t, redislimit.New(c), sharedBy("x", policy.KeyHeader, 1, 10, time.Second))
	g.admit("k", 10)
	var ttl int
	if _, err := fmt.Sscanf(server.Do("PTTL", keyOf(t, c)), ":%d", &ttl); err != nil || ttl < 1 || ttl > 10_100 {
		t.Errorf("PTTL = %d, want at most the burst's ten seconds: %v", ttl, err)
	}
}

func TestStrangeKeys(t *testing.T) {
	server := redistest.Start(t)
	g := newGateway(t, redislimit.New(server.Open(t)),
		sharedBy("x", policy.KeyHeader, 1, 1, time.Hour), sharedBy("y", policy.KeyHeader, 1, 1, time.Hour))
	for _, key := range []string{"", "}", "{", "{}", "}{", "\x00", "\r\n", " ", "k", "K", strings.Repeat("k", 1<<20), strings.Repeat("k", 1<<20) + "x"} {
		if got := g.admit(key, 2); got != 1 {
			t.Errorf("%d admitted under %.10q", got, key)
		}
	}
}

// TestPausedStore asserts by the guard's own accounts that requests stop
// waiting, and that counting is shared again afterwards.
func TestPausedStore(t *testing.T) {
	t.Parallel()
	for _, do := range []policy.StoreFailure{policy.FailureAllow, policy.FailureDeny, policy.FailureLocal} {
		server := redistest.Start(t)
		c := redistest.Open(t, redis.Options{Addresses: []string{server.Addr}, Timeout: 100 * time.Millisecond, ProbeInterval: 10 * time.Millisecond})
		limit := sharedBy("x", policy.KeyHeader, 1, 50, time.Hour)
		limit.OnStoreFailure = do
		g := newGateway(t, redislimit.New(c), limit)
		server.Pause()
		var admitted atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() { admitted.Add(int64(g.admit("k", 50))) })
		}
		all.Wait()
		want := map[policy.StoreFailure]int64{policy.FailureAllow: 800, policy.FailureDeny: 0, policy.FailureLocal: 50}[do]
		if got := admitted.Load(); got != want {
			t.Errorf("%v: %d admitted while paused, want %d", do, got, want)
		}
		if s := c.Stats(); s.Calls > 16+5 || s.Calls+s.Rejected != 800 {
			t.Errorf("%v: stats = %+v", do, s)
		}
		server.Resume()
		redistest.Eventually(t, c.Available)
		redistest.Eventually(t, func() bool { _, said := g.ask("another"); return !said[0].StoreFailed })
	}
}

func TestClusterKeepsTheRestGoing(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	c := redistest.Open(t, redis.Options{Addresses: cluster.Addresses(), Cluster: true, Timeout: 3 * time.Second})
	limit := sharedBy("x", policy.KeyHeader, 1, 3, 24*time.Hour)
	g := newGateway(t, redislimit.New(c), limit)
	for i := range 30 {
		if ok, _ := g.ask(fmt.Sprint(i)); !ok {
			t.Fatalf("key %d is refused", i)
		}
	}
	cluster.Masters[1].Kill()
	counted, failed := 0, 0
	for i := range 30 {
		switch ok, said := g.ask(fmt.Sprint(i)); {
		case ok && said[0].Remaining == 1:
			counted++
		case said[0].StoreFailed:
			failed++
		default:
			t.Errorf("key %d: %+v", i, said)
		}
	}
	if counted < 10 || failed < 3 || counted+failed != 30 {
		t.Errorf("%d counted on, %d failed", counted, failed)
	}
}

// TestClusterDecidesSeveralKeysTogether: all counts of a request share a slot.
func TestClusterDecidesSeveralKeysTogether(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	store := redislimit.New(cluster.Open(t))
	mixed := newGateway(t, store, sharedBy("all", policy.KeyGlobal, 1, 20, 24*time.Hour), sharedBy("each", policy.KeyHeader, 1, 2, 24*time.Hour))
	same := newGateway(t, store, sharedBy("day", policy.KeyHeader, 1, 3, 24*time.Hour), sharedBy("hour", policy.KeyHeader, 1, 2, time.Hour))
	total := 0
	for _, key := range []string{"}", "{a}", "{", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"} {
		total += mixed.admit(key, 3)
		if got := same.admit(key, 3); got != 2 {
			t.Errorf("%d admitted under %q, want 2", got, key)
		}
	}
	if total != 20 || mixed.failed.Load()+same.failed.Load() != 0 {
		t.Errorf("%d admitted, want 20; %d failures", total, mixed.failed.Load()+same.failed.Load())
	}
}

func TestChargeAfterTheCallersEnd(t *testing.T) {
	store := redislimit.New(redistest.Start(t).Open(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := store.Charge(ctx, "g", []ratelimit.Ask{{Name: "n", Parts: 1}}, make([]ratelimit.Count, 1))
	if !errors.Is(err, context.Canceled) || errors.Is(err, redis.ErrUnavailable) {
		t.Errorf("err = %v", err)
	}
}
