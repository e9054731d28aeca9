package redislimit

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// century is the longest that the script's numbers must hold for from now on.
const century = int64(100 * 365 * 24 * time.Hour / time.Microsecond)

func anyLimit(t *rapid.T) policy.RateLimit {
	units := rapid.OneOf(rapid.Int64Range(1, 20), rapid.Int64Range(1, 1e9), rapid.Just(int64(1e9)))
	limit := policy.RateLimit{
		Name: "x", Requests: units.Draw(t, "requests"), Burst: units.Draw(t, "burst"),
		Interval: time.Duration(rapid.OneOf(
			rapid.Int64Range(int64(time.Second), int64(24*time.Hour)), rapid.Just(int64(time.Second)), rapid.Just(int64(24*time.Hour)),
		).Draw(t, "interval")),
		Key: policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Key"}, Cost: policy.RateLimitCost{Units: 1},
	}
	// What would take over 71 years to earn is refused by ratelimit.New.
	if most := (int64(1) << 51) / max(int64(limit.Interval/time.Microsecond)/limit.Requests, 1); limit.Burst > most {
		limit.Burst = max(most/2, 1)
	}
	return limit
}

func newLimiter(t interface{ Fatal(...any) }, store ratelimit.Store, limits ...policy.RateLimit) *ratelimit.Limiter {
	l, err := ratelimit.New(limits, ratelimit.Options{
		Key:     func(*http.Request, policy.RateLimitKey) (string, error) { return "", nil },
		OnError: func(http.ResponseWriter, *http.Request, error) {}, Store: store, Scope: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// newStore returns a store whose time is the test's: nothing expires by the server's.
func newStore(t *testing.T) *Store {
	store := New(redistest.Start(t).Open(t))
	store.keep = time.Hour.Milliseconds()
	return store
}

// TestScriptIsExact compares the script with the arithmetic of local limits,
// which is proved against fractions. A new limiter asks each time, so that no
// response comes from what it remembers.
func TestScriptIsExact(t *testing.T) {
	store := newStore(t)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		key := strconv.Itoa(run)
		limit := anyLimit(t)
		shared := limit
		shared.Shared, shared.OnStoreFailure = true, policy.FailureDeny
		local := newLimiter(t, nil, limit)
		start := time.Now().Add(time.Hour)
		micros := start.UnixMicro() + rapid.Int64Range(0, century).Draw(t, "year")
		passed := int64(0)
		for range 12 {
			passed += rapid.OneOf(
				rapid.Int64Range(0, 3), rapid.Int64Range(0, int64(limit.Interval/time.Microsecond)/limit.Requests+1), rapid.Int64Range(0, 1e9),
			).Draw(t, "pause")
			units := rapid.OneOf(rapid.Int64Range(1, min(3, limit.Burst)), rapid.Int64Range(1, limit.Burst)).Draw(t, "units")
			charge := []ratelimit.Charge{{Key: key, Units: units}}
			var want, got [1]ratelimit.Decision
			now := start.Add(time.Duration(passed) * time.Microsecond)
			store.now = func() int64 { return micros + passed }
			local.Decide(context.Background(), now, charge, want[:])
			newLimiter(t, store, shared).Decide(context.Background(), now, charge, got[:])
			if got != want {
				t.Fatalf("%+v after %d µs: %d units: %+v, want %+v", limit, passed, units, got[0], want[0])
			}
		}
	})
}

// TestScriptDecidesTogether draws several limits, some in shadow mode, and
// compares what is charged with what local limits charge.
func TestScriptDecidesTogether(t *testing.T) {
	store := newStore(t)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		var limits, shared []policy.RateLimit
		for i := range rapid.IntRange(1, 4).Draw(t, "limits") {
			limit := anyLimit(t)
			limit.Name = "l" + strconv.Itoa(i)
			limit.Burst = rapid.Int64Range(1, 5).Draw(t, "small burst")
			limit.Shadow = rapid.Bool().Draw(t, "shadow")
			limits = append(limits, limit)
			limit.Shared, limit.OnStoreFailure = true, policy.FailureDeny
			shared = append(shared, limit)
		}
		local := newLimiter(t, nil, limits...)
		start, micros := time.Now().Add(time.Hour), time.Now().UnixMicro()
		charges := make([]ratelimit.Charge, len(limits))
		for i := range charges {
			charges[i].Key = strconv.Itoa(run)
		}
		passed := int64(0)
		for range 12 {
			passed += rapid.Int64Range(0, 1e6).Draw(t, "pause")
			for i := range charges {
				charges[i].Units = rapid.Int64Range(1, limits[i].Burst).Draw(t, "units")
			}
			want, got := make([]ratelimit.Decision, len(limits)), make([]ratelimit.Decision, len(limits))
			now := start.Add(time.Duration(passed) * time.Microsecond)
			store.now = func() int64 { return micros + passed }
			admitted := local.Decide(context.Background(), now, charges, want)
			if also := newLimiter(t, store, shared...).Decide(context.Background(), now, charges, got); also != admitted {
				t.Fatalf("admitted %v, want %v", also, admitted)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("limit %d: %+v, want %+v", i, got[i], want[i])
				}
			}
		}
	})
}

// TestClockThatStepsBack: a debt is never more than the burst, so that a server
// whose clock was ahead does not lock keys out for as long as that.
func TestClockThatStepsBack(t *testing.T) {
	store := newStore(t)
	limit := policy.RateLimit{
		Name: "x", Requests: 1, Burst: 3, Interval: time.Second, Shared: true, OnStoreFailure: policy.FailureDeny,
		Key: policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Key"}, Cost: policy.RateLimitCost{Units: 1},
	}
	decide := func(at time.Duration) ratelimit.Decision {
		var d [1]ratelimit.Decision
		store.now = func() int64 { return int64((1000*time.Hour + at) / time.Microsecond) }
		newLimiter(t, store, limit).Decide(context.Background(), time.Now(), []ratelimit.Charge{{Key: "k"}}, d[:])
		return d[0]
	}
	if d := decide(time.Hour); !d.Allowed || d.Remaining != 2 {
		t.Fatalf("before: %+v", d)
	}
	if d := decide(0); d.Allowed || d.RetryAfter != time.Second {
		t.Errorf("an hour back: %+v, want a wait of one unit", d)
	}
	if d := decide(time.Second); !d.Allowed {
		t.Errorf("a second later: %+v", d)
	}
}

// TestNeedAndWant pins what is charged at the edges, to the part of a microsecond.
func TestNeedAndWant(t *testing.T) {
	const now = 5_000_000
	span := func(micros, parts int64) ratelimit.Span { return ratelimit.Span{Micros: micros, Parts: parts} }
	tests := []struct {
		name       string
		need, want ratelimit.Span
		shadow     bool
		verdict    ratelimit.Verdict
		tat        ratelimit.Span
	}{
		{"the whole burst", span(10, 5), span(10, 5), false, ratelimit.ChargedWant, span(now+10, 5)},
		{"a part more than the burst", span(10, 6), span(10, 6), false, ratelimit.Refused, span(now, 0)},
		{"the want", span(1, 0), span(10, 5), false, ratelimit.ChargedWant, span(now+10, 5)},
		{"the need, where the want is a part too much", span(1, 0), span(10, 6), false, ratelimit.ChargedNeed, span(now+1, 0)},
		{"a carry", span(9, 6), span(9, 6), false, ratelimit.ChargedWant, span(now+9, 6)},
		{"a shadow that refuses", span(11, 0), span(11, 0), true, ratelimit.Refused, span(now, 0)},
	}
	store := newStore(t)
	store.now = func() int64 { return now }
	for _, test := range tests {
		ask := ratelimit.Ask{Name: test.name, Need: test.need, Want: test.want, Burst: span(10, 5), Parts: 7, Shadow: test.shadow}
		other := ratelimit.Ask{Name: test.name + "/other", Need: span(1, 0), Want: span(1, 0), Burst: span(10, 0), Parts: 7}
		counts := make([]ratelimit.Count, 2)
		if err := store.Charge(t.Context(), "g", []ratelimit.Ask{ask, other}, counts); err != nil {
			t.Fatal(err)
		}
		if want := (ratelimit.Count{Now: now, TAT: test.tat, Verdict: test.verdict}); counts[0] != want {
			t.Errorf("%s: %+v, want %+v", test.name, counts[0], want)
		}
		if spared := counts[1].Verdict == ratelimit.Spared; spared != (test.verdict == ratelimit.Refused && !test.shadow) {
			t.Errorf("%s: the other is %+v", test.name, counts[1])
		}
	}
}

// TestNumbersOfAnotherPolicy: a count that an older policy wrote has other parts.
func TestNumbersOfAnotherPolicy(t *testing.T) {
	server := redistest.Start(t)
	store := New(server.Open(t))
	counts := make([]ratelimit.Count, 1)
	for value, allowed := range map[string]bool{
		"5000000 999999999": true, "5000000 0": true, "4999999 0": true, "0 0": true, "99999999999999999999999 5": false,
	} {
		server.Do("SET", "venta:rl:{g}:n", value)
		store.now = func() int64 { return 5_000_000 }
		ask := ratelimit.Ask{
			Name: "n", Parts: 1000, Need: ratelimit.Span{Micros: 100}, Want: ratelimit.Span{Micros: 100}, Burst: ratelimit.Span{Micros: 150},
		}
		if err := store.Charge(t.Context(), "g", []ratelimit.Ask{ask}, counts); err != nil {
			t.Fatal(err)
		}
		if got := counts[0].Verdict != ratelimit.Refused; got != allowed || counts[0].TAT.Micros > 5_000_150 {
			t.Errorf("%q: %+v", value, counts[0])
		}
	}
}
