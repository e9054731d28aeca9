package ratelimit

import (
	"math"
	"math/big"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/venta-hq/venta/gateway/policy"
)

// bucket is the oracle: a token bucket in exact fractions, which GCRA equals.
type bucket struct {
	limit  policy.RateLimit
	tokens *big.Rat
	at     time.Duration
}

// The arithmetic must hold for all that a policy may say.
const (
	maxUnits    = 1_000_000_000
	minInterval = time.Second
	maxInterval = 24 * time.Hour
)

func TestLimitsAreThePolicys(t *testing.T) {
	taken := func(units int64, interval time.Duration) bool {
		limit := policy.RateLimit{Name: "a", Requests: units, Burst: units, Interval: interval, Cost: policy.RateLimitCost{Units: 1}}
		return policy.Method{RateLimits: []policy.RateLimit{limit}}.CheckLimits() == nil
	}
	for _, interval := range []time.Duration{minInterval, maxInterval} {
		if !taken(maxUnits, interval) || taken(maxUnits+1, interval) {
			t.Errorf("a policy takes other units than 1 to %d in %s", maxUnits, interval)
		}
	}
	if taken(1, minInterval-1) || taken(1, maxInterval+1) {
		t.Errorf("a policy takes other intervals than %s to %s", minInterval, maxInterval)
	}
}

func newBucket(limit policy.RateLimit) *bucket {
	return &bucket{limit: limit, tokens: big.NewRat(limit.Burst, 1)}
}

// earned returns the tokens held at a time.
func (b *bucket) earned(at time.Duration) *big.Rat {
	gain := big.NewRat(int64(at-b.at), 1)
	gain.Mul(gain, big.NewRat(b.limit.Requests, int64(b.limit.Interval)))
	gain.Add(gain, b.tokens)
	if full := big.NewRat(b.limit.Burst, 1); gain.Cmp(full) > 0 {
		return full
	}
	return gain
}

func (b *bucket) take(at time.Duration, units int64) bool {
	held := b.earned(at)
	cost := big.NewRat(units, 1)
	if held.Cmp(cost) < 0 {
		return false
	}
	b.tokens, b.at = held.Sub(held, cost), at
	return true
}

func anyLimit(t *rapid.T) policy.RateLimit {
	units := rapid.OneOf(rapid.Int64Range(1, 20), rapid.Int64Range(1, maxUnits), rapid.Just(int64(maxUnits)))
	return policy.RateLimit{
		Requests: units.Draw(t, "requests"),
		Burst:    units.Draw(t, "burst"),
		Interval: time.Duration(rapid.OneOf(
			rapid.Int64Range(int64(minInterval), int64(maxInterval)), rapid.Just(int64(maxInterval)), rapid.Just(int64(minInterval)),
		).Draw(t, "interval")),
	}
}

func TestQuotaIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := anyLimit(t)
		q, oracle := newQuota(limit.Requests, limit.Burst, limit.Interval), newBucket(limit)
		var tat wide
		at := time.Duration(rapid.Int64Range(0, 1<<62).Draw(t, "start"))
		oracle.at = at
		for range 50 {
			at += time.Duration(rapid.OneOf(
				rapid.Int64Range(0, 3), rapid.Int64Range(0, int64(limit.Interval)/limit.Requests+1), rapid.Int64Range(0, 1e12),
			).Draw(t, "pause"))
			units := rapid.OneOf(rapid.Int64Range(1, 3), rapid.Int64Range(1, limit.Burst)).Draw(t, "units")
			now := q.ticks(at)
			next, covered := q.charge(now, tat, units)
			if want := oracle.take(at, units); covered != want {
				t.Fatalf("charge of %d at %v: %v, want %v", units, at, covered, want)
			}
			if covered {
				tat = next
				checkDescription(t, &q, oracle, at, tat)
			} else {
				checkRefusal(t, &q, oracle, at, tat, next, units)
			}
		}
	})
}

func floor(r *big.Rat) int64 { return new(big.Int).Quo(r.Num(), r.Denom()).Int64() }

func checkDescription(t *rapid.T, q *quota, oracle *bucket, at time.Duration, tat wide) {
	d := q.describe(q.ticks(at), tat)
	if want := floor(oracle.earned(at)); d.Remaining != want || !d.Allowed || d.RetryAfter != 0 {
		t.Fatalf("describe = %+v, want %d remaining", d, want)
	}
	if d.Remaining == oracle.limit.Burst {
		if d.Reset != 0 {
			t.Fatalf("a whole quota resets in %v", d.Reset)
		}
		return
	}
	checkWait(t, oracle, at, d.Reset, d.Remaining+1)
}

func checkRefusal(t *rapid.T, q *quota, oracle *bucket, at time.Duration, tat, next wide, units int64) {
	d := q.refuse(q.ticks(at), tat, next, units)
	if want := floor(oracle.earned(at)); d.Remaining != want || d.Allowed {
		t.Fatalf("refuse = %+v, want %d remaining", d, want)
	}
	checkWait(t, oracle, at, d.RetryAfter, units)
}

// checkWait holds that units are there after a wait, and not a nanosecond sooner.
func checkWait(t *rapid.T, oracle *bucket, at, wait time.Duration, units int64) {
	if units > oracle.limit.Burst && wait != Never {
		t.Fatalf("%d units are promised after %v", units, wait)
	}
	if wait >= math.MaxInt64-at {
		return // past what the oracle's clock can say
	}
	want := big.NewRat(units, 1)
	if oracle.earned(at+wait).Cmp(want) < 0 {
		t.Fatalf("%d units are not there after %v", units, wait)
	}
	if oracle.earned(at+wait-1).Cmp(want) >= 0 {
		t.Fatalf("%d units are there before %v", units, wait)
	}
}

// TestQuotaBelowOneNanosecond asks every nanosecond under rates whose emission
// interval differs from 1 ns by less than any clock can say.
func TestQuotaBelowOneNanosecond(t *testing.T) {
	const window = 100_000
	tests := []struct {
		name     string
		requests int64
		want     int
	}{
		{"one each ns", 1_000_000_000, window},
		{"a billionth less: the second one is always too soon", 999_999_999, window / 2},
		{"two thirds each ns", 666_666_667, window / 2},
		{"just under a half each ns", 499_999_999, (window + 2) / 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			q := newQuota(test.requests, 1, time.Second)
			var tat wide
			admitted := 0
			for ns := range window {
				if next, ok := q.charge(q.ticks(time.Duration(ns)), tat, 1); ok {
					tat, admitted = next, admitted+1
				}
			}
			if admitted != test.want {
				t.Errorf("admitted %d of %d, want %d", admitted, window, test.want)
			}
		})
	}
}

func TestQuotaCannotOverflow(t *testing.T) {
	q := newQuota(1, maxUnits, maxInterval)
	now := q.ticks(math.MaxInt64)
	tat, ok := q.charge(now, wide{}, maxUnits)
	if !ok {
		t.Fatal("the whole burst is refused")
	}
	next, ok := q.charge(now, tat, maxUnits)
	if ok {
		t.Fatal("two bursts are admitted")
	}
	if d := q.refuse(now, tat, next, maxUnits); d.RetryAfter != Never || d.Remaining != 0 || d.Reset != maxInterval {
		t.Errorf("refuse = %+v", d)
	}
	next, ok = q.charge(now, tat, math.MaxInt64)
	if ok || next.less(tat) {
		t.Error("the largest cost wraps around")
	}
}

func TestQuotaWhenTheClockStepsBack(t *testing.T) {
	q := newQuota(1, 2, time.Second)
	tat, _ := q.charge(q.ticks(time.Hour), wide{}, 2)
	d := q.describe(q.ticks(0), tat)
	if d.Remaining != 0 || d.Reset != time.Hour+time.Second {
		t.Errorf("describe = %+v", d)
	}
	if q.ticks(-1) != (wide{}) {
		t.Error("a time before the start is not the start")
	}
}
