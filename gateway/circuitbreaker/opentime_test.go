package circuitbreaker_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
)

// remaining is how long an open breaker says that it stays open.
func remaining(t *testing.T, b *circuitbreaker.Breaker) time.Duration {
	t.Helper()
	_, err := b.Acquire()
	own := apierror.As(err)
	if own == nil {
		t.Fatalf("%v, not a refusal", err)
	}
	return own.RetryAfter
}

// TestOpenTimeGrows holds that each failed probe doubles the time, up to its
// bound, and that an upstream that was well for as long begins anew.
func TestOpenTimeGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.OpenDuration, p.MaxOpenDuration, p.HalfOpenCalls = 10*time.Second, 45*time.Second, 1
		b := newBreaker(t, p, circuitbreaker.Options{})
		trip(t, b)
		var got []time.Duration
		for range 4 {
			wait := remaining(t, b)
			got = append(got, wait/time.Second)
			time.Sleep(wait) // virtual
			call(t, b, failure, 0)
		}
		if want := []time.Duration{10, 20, 40, 45}; !slices.Equal(got, want) {
			t.Errorf("open for %v seconds, want %v", got, want)
		}

		time.Sleep(45 * time.Second) // virtual
		call(t, b, success, 0)
		time.Sleep(44 * time.Second) // virtual
		trip(t, b)
		if got := remaining(t, b); got != 45*time.Second {
			t.Errorf("open for %v after it was well for 44s", got)
		}
		time.Sleep(45 * time.Second) // virtual
		call(t, b, success, 0)
		time.Sleep(45 * time.Second) // virtual
		trip(t, b)
		if got := remaining(t, b); got != 10*time.Second {
			t.Errorf("open for %v after it was well for 45s", got)
		}
	})
}

// TestOpenTimeSpreads holds that a tenth of the time is left to chance, and that
// it never is longer than the policy says.
func TestOpenTimeSpreads(t *testing.T) {
	for _, test := range []struct {
		luck float64
		want time.Duration
	}{{0, 30 * time.Second}, {0.5, 28500 * time.Millisecond}, {1, 27 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBreaker(t, basePolicy(), circuitbreaker.Options{Random: func() float64 { return test.luck }})
			trip(t, b)
			if got := remaining(t, b); got != test.want {
				t.Errorf("open for %v, want %v", got, test.want)
			}
		})
	}
}
