package circuitbreaker

import "time"

// buckets is how many parts a window has.
const buckets = 10

// tally counts calls.
type tally struct {
	calls    int
	known    int // of those, not ended by their callers
	failures int
	slow     int
}

func (t *tally) add(o Outcome, slow bool) {
	t.calls++
	if o != Cancelled {
		t.known++
	}
	if o == Failure {
		t.failures++
	}
	if slow {
		t.slow++
	}
}

func (t *tally) subtract(other tally) {
	t.calls -= other.calls
	t.known -= other.known
	t.failures -= other.failures
	t.slow -= other.slow
}

// window counts the calls of a sliding time in a ring of buckets.
type window struct {
	width  time.Duration // of a bucket
	newest int64         // the number of the newest bucket
	ring   [buckets]tally
	total  tally // of the ring
}

func newWindow(length time.Duration) window { return window{width: length / buckets} }

func (w *window) clear() { w.ring, w.total = [buckets]tally{}, tally{} }

// add counts a call that ended now.
func (w *window) add(now time.Duration, o Outcome, slow bool) {
	w.slide(now)
	w.ring[w.newest%buckets].add(o, slow)
	w.total.add(o, slow)
}

// slide forgets the buckets that are too old. A now from before the newest
// bucket, read by a call that then waited for the lock, changes nothing.
func (w *window) slide(now time.Duration) {
	number := int64(now / w.width)
	for steps := min(number-w.newest, buckets); steps > 0; steps-- {
		oldest := &w.ring[(number-steps+1)%buckets]
		w.total.subtract(*oldest)
		*oldest = tally{}
	}
	w.newest = max(number, w.newest)
}
