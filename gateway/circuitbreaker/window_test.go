package circuitbreaker

import (
	"testing"
	"time"
)

// Two calls read the clock and then take the lock in the other order.
func TestWindowWithLateClocks(t *testing.T) {
	w := newWindow(10 * time.Second)
	for _, now := range []time.Duration{5 * time.Second, 4 * time.Second, 5 * time.Second, 0} {
		w.add(now, Failure, false)
	}
	if w.total != (tally{calls: 4, known: 4, failures: 4}) {
		t.Errorf("total %+v, want 4 failures", w.total)
	}
	w.slide(time.Minute)
	if w.total != (tally{}) || w.ring != ([buckets]tally{}) {
		t.Errorf("total %+v of %+v after a minute", w.total, w.ring)
	}
}
