package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

func ignore(http.ResponseWriter, *http.Request, error) {}

func byHeader(r *http.Request, k policy.RateLimitKey) (string, error) {
	return r.Header.Get(k.Header), nil
}

func limitBy(name string, source policy.RateLimitSource, requests, burst int64, interval time.Duration) policy.RateLimit {
	return policy.RateLimit{
		Name: name, Requests: requests, Burst: burst, Interval: interval,
		Key: policy.RateLimitKey{Source: source, Header: "X-Key"}, Cost: policy.RateLimitCost{Units: 1},
	}
}

func newLimiter(t testing.TB, limits ...policy.RateLimit) *ratelimit.Limiter {
	t.Helper()
	l, err := ratelimit.New(limits, ratelimit.Options{Key: byHeader, OnError: ignore})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newSmallLimiter has the least memory that there is.
func newSmallLimiter(t testing.TB, limits ...policy.RateLimit) *ratelimit.Limiter {
	t.Helper()
	memory, err := ratelimit.NewMemory(64 << 10)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ratelimit.New(limits, ratelimit.Options{Memory: memory, Key: byHeader, OnError: ignore})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// decide asks a limiter with one limit.
func decide(l *ratelimit.Limiter, now time.Time, key string, units int64) ratelimit.Decision {
	var d [1]ratelimit.Decision
	if l.Decide(context.Background(), now, []ratelimit.Charge{{Key: key, Units: units}}, d[:]) != d[0].Allowed {
		panic("one limit and the whole disagree")
	}
	return d[0]
}

func TestDecide(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		at    time.Duration
		key   string
		units int64
		want  ratelimit.Decision
	}
	ok := func(remaining int64, reset time.Duration) ratelimit.Decision {
		return ratelimit.Decision{Allowed: true, Remaining: remaining, Reset: reset}
	}
	no := func(remaining int64, reset, retry time.Duration) ratelimit.Decision {
		return ratelimit.Decision{Remaining: remaining, Reset: reset, RetryAfter: retry}
	}
	// Ten a minute, three at once.
	steps := []step{
		{0, "a", 1, ok(2, 6000*ms)},
		{0, "a", 1, ok(1, 6000*ms)},
		{0, "a", 1, ok(0, 6000*ms)},
		{0, "a", 1, no(0, 6000*ms, 6000*ms)},
		{0, "b", 1, ok(2, 6000*ms)},
		{5999 * ms, "a", 1, no(0, ms, ms)},
		{6000 * ms, "a", 1, ok(0, 6000*ms)},
		{6000 * ms, "a", 3, no(0, 6000*ms, 18000*ms)},
		{12000 * ms, "a", 3, no(1, 6000*ms, 12000*ms)},
		{24000 * ms, "a", 3, ok(0, 6000*ms)},
		{24000 * ms, "a", 4, no(0, 6000*ms, ratelimit.Never)},
		{3600e3 * ms, "a", 0, ok(2, 6000*ms)},
		{3600e3 * ms, "a", -7, ok(1, 6000*ms)},
	}
	start := time.Now()
	l := newLimiter(t, limitBy("x", policy.KeyHeader, 10, 3, time.Minute))
	for i, step := range steps {
		// The limiter's own start lies a moment later than start; seconds hide it.
		got := decide(l, start.Add(time.Hour+step.at), step.key, step.units)
		if got != step.want {
			t.Errorf("step %d: %+v, want %+v", i, got, step.want)
		}
	}
}

func TestDecideChargesAllOrNone(t *testing.T) {
	l := newLimiter(t,
		limitBy("wide", policy.KeyHeader, 10, 10, time.Minute),
		limitBy("narrow", policy.KeyHeader, 2, 2, time.Minute),
		limitBy("all", policy.KeyGlobal, 10, 10, time.Minute))
	now := time.Now()
	charges := []ratelimit.Charge{{Key: "k"}, {Key: "k"}, {}}
	said := make([]ratelimit.Decision, 3)
	for i := range 5 {
		if got := l.Decide(context.Background(), now, charges, said); got != (i < 2) {
			t.Fatalf("request %d: admitted %v", i, got)
		}
	}
	if !said[0].Allowed || said[1].Allowed || !said[2].Allowed {
		t.Errorf("decisions = %+v, want only the second to refuse", said)
	}
	if said[0].Remaining != 8 || said[1].Remaining != 0 || said[2].Remaining != 8 {
		t.Errorf("decisions = %+v: a refused request was charged", said)
	}
}

// TestDecideConcurrently holds that exactly the burst passes, and that limits
// whose keys cross do not deadlock.
func TestDecideConcurrently(t *testing.T) {
	const workers, each, burst = 16, 500, 1000
	l := newLimiter(t,
		limitBy("one", policy.KeyHeader, 1, burst, 24*time.Hour),
		limitBy("two", policy.KeyHeader, 1, burst, 24*time.Hour))
	now := time.Now()
	var admitted [2]atomic.Int64
	var workersDone sync.WaitGroup
	for worker := range workers {
		workersDone.Go(func() {
			said := make([]ratelimit.Decision, 2)
			for range each {
				turn := worker % 2
				keys := [2]string{"a", "b"}
				charges := []ratelimit.Charge{{Key: keys[turn]}, {Key: keys[1-turn]}}
				if l.Decide(context.Background(), now, charges, said) {
					admitted[turn].Add(1)
				}
			}
		})
	}
	workersDone.Wait()
	for turn := range admitted {
		if got := admitted[turn].Load(); got != burst {
			t.Errorf("turn %d: %d admitted, want %d", turn, got, burst)
		}
	}
}

func TestFloodDoesNotResetAHotKey(t *testing.T) {
	l := newSmallLimiter(t, limitBy("x", policy.KeyHeader, 10, 10, time.Minute))
	now := time.Now()
	for range 10 {
		decide(l, now, "hot", 1)
	}
	for i := range 50_000 {
		if !decide(l, now, fmt.Sprint("flood", i), 1).Allowed {
			t.Fatal("a new key is refused")
		}
	}
	if got := decide(l, now, "hot", 1); got.Allowed {
		t.Errorf("a flood has reset a hot key: %+v", got)
	}
	// As hot as the flood's keys at last, it may lose what it still owes: one unit.
	later := now.Add(54 * time.Second)
	if got := decide(l, later, "hot", 1); !got.Allowed || got.Remaining < 8 {
		t.Errorf("after 54 s: %+v", got)
	}
}

func TestFloodOfOneLimitLeavesTheOthers(t *testing.T) {
	l := newSmallLimiter(t,
		limitBy("day", policy.KeyHeader, 1, 1, 24*time.Hour),
		limitBy("minute", policy.KeyClientIP, 2, 2, time.Minute),
		limitBy("all", policy.KeyGlobal, 1e9, 1e9, time.Second))
	now, said := time.Now(), make([]ratelimit.Decision, 3)
	l.Decide(context.Background(), now, []ratelimit.Charge{{Key: "h"}, {Key: "client"}, {}}, said)
	for i := range 5000 { // each key of the first limit owes a whole day
		l.Decide(context.Background(), now, []ratelimit.Charge{{Key: fmt.Sprint(i)}, {Key: "attacker"}, {}}, said)
	}
	l.Decide(context.Background(), now, []ratelimit.Charge{{Key: "fresh"}, {Key: "client"}, {}}, said)
	if !said[1].Allowed || said[1].Remaining != 0 {
		t.Errorf("the client's count was lost: %+v", said[1])
	}
}

func TestLongKeysAreNotTruncated(t *testing.T) {
	l := newLimiter(t, limitBy("x", policy.KeyHeader, 1, 1, time.Hour))
	now := time.Now()
	long := strings.Repeat("k", 256)
	keys := []string{long, long + "a", long + "b", long + long, strings.Repeat("k", 1<<20)}
	for i, key := range keys {
		if !decide(l, now, key, 1).Allowed {
			t.Errorf("key %d shares another's count", i)
		}
		if decide(l, now, key, 1).Allowed {
			t.Errorf("key %d is not counted", i)
		}
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	l := newLimiter(t, limitBy("a", policy.KeyHeader, 1e9, 1e9, time.Second), limitBy("b", policy.KeyGlobal, 10, 10, time.Minute))
	now, said := time.Now(), make([]ratelimit.Decision, 2)
	charges := []ratelimit.Charge{{Key: "k"}, {}}
	if got := testing.AllocsPerRun(100, func() { l.Decide(context.Background(), now, charges, said) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestMiddlewareAllocates one field's value for all limits together, however many
// there are.
func TestMiddlewareAllocates(t *testing.T) {
	h := newLimiter(t,
		limitBy("a", policy.KeyHeader, 1e9, 1e9, time.Second), limitBy("b", policy.KeyGlobal, 1e9, 1e9, time.Minute),
		limitBy("c", policy.KeyHeader, 1e9, 1e9, time.Hour)).Middleware(accept)
	r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
	serve := func() {
		clear(w.Header())
		h.ServeHTTP(w, r)
	}
	serve()
	if got := testing.AllocsPerRun(100, serve); got > 2 {
		t.Errorf("%v allocations, want 2: a field's value and its slice", got)
	}
}

func TestNewRefuses(t *testing.T) {
	good := limitBy("x", policy.KeyHeader, 10, 10, time.Minute)
	with := func(change func(*policy.RateLimit)) []policy.RateLimit {
		bad := good
		change(&bad)
		return []policy.RateLimit{bad}
	}
	full := ratelimit.Options{Key: byHeader, OnError: ignore}
	tests := []struct {
		name   string
		limits []policy.RateLimit
		opts   ratelimit.Options
		want   string
	}{
		{"no limit", nil, full, "no limits"},
		{"too many", make([]policy.RateLimit, 9), full, "9 limits"},
		{"the same name twice", []policy.RateLimit{good, good}, full, `rate_limits[1].name: a second limit is named "x"`},
		{"no OnError", with(func(*policy.RateLimit) {}), ratelimit.Options{Key: byHeader}, "no OnError"},
		{"no Key", with(func(*policy.RateLimit) {}), ratelimit.Options{OnError: ignore}, "no Key"},
		{"no Cost", with(func(l *policy.RateLimit) { l.Cost.Field = "size" }), full, `field "size"`},
		{"an empty name", with(func(l *policy.RateLimit) { l.Name = "" }), full, `rate_limits[0].name: "" is not`},
		{"a name that breaks the field", with(func(l *policy.RateLimit) { l.Name = `a"b` }), full, `name: "a\"b" is not`},
		{"no request", with(func(l *policy.RateLimit) { l.Requests = 0 }), full, "requests: 0 is out"},
		{"too many requests", with(func(l *policy.RateLimit) { l.Requests = 1e9 + 1 }), full, "requests: 1000000001 is out"},
		{"no burst", with(func(l *policy.RateLimit) { l.Burst = 0 }), full, "burst: 0 is out"},
		{"a short interval", with(func(l *policy.RateLimit) { l.Interval = time.Second - 1 }), full, "interval: 999.999999ms is out"},
		{"a long interval", with(func(l *policy.RateLimit) { l.Interval = 24*time.Hour + 1 }), full, "interval: 24h0m0.000000001s is out"},
		{"a cost above the burst", with(func(l *policy.RateLimit) { l.Cost.Units = 11 }), full, "cost.units: 11 is more than the burst of 10"},
		{"no cost", with(func(l *policy.RateLimit) { l.Cost.Units = 0 }), full, "cost.units: 0 is out"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			checkNew(t, test.limits, test.opts, test.want)
		})
	}
}

// checkNew holds that New refuses, and says why.
func checkNew(t *testing.T, limits []policy.RateLimit, opts ratelimit.Options, want string) {
	t.Helper()
	l, err := ratelimit.New(limits, opts)
	if l != nil || err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("New = %v, want %q in it", err, want)
	}
}

func TestNewTellsEveryFault(t *testing.T) {
	_, err := ratelimit.New([]policy.RateLimit{{Name: "a"}, {Name: "b"}}, ratelimit.Options{})
	for _, want := range []string{"no OnError", "rate_limits[0].requests: 0", "rate_limits[1].requests: 0", "interval: 0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New = %v, want %q in it", err, want)
		}
	}
}

var errNoKey = errors.New("no key")

// TestClientThatWaits is admitted when it waits as Retry-After says, whatever
// part of a second it came in.
func TestClientThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := limitBy("x", policy.KeyHeader, 7, 2, 3*time.Second)
		limit.Cost.Units = 2
		h := newLimiter(t, limit).Middleware(accept)
		for range 20 {
			time.Sleep(137 * time.Millisecond) // virtual
			response := get(h, "k")
			if wait := response.Header().Get("Retry-After"); wait != "" {
				d, err := time.ParseDuration(wait + "s")
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(d) // virtual
				response = get(h, "k")
			}
			if response.Code != http.StatusOK {
				t.Fatalf("a client that waited got %d", response.Code)
			}
		}
	})
}
