package concurrency

import (
	"slices"
	"time"
)

const (
	// tolerance is how much slower than usual calls may be, as a factor and in
	// time; the latter is for calls that are faster than the machine's own jitter.
	tolerance = 2.0
	slack     = 2 * time.Millisecond
	// drift is how far a baseline moves in a second, as a share of itself: too
	// slowly to follow a queue that grows.
	drift = 0.002
	// learnFrom is of how many calls a baseline is made.
	learnFrom = 20
	// mostBaselines bounds the methods that are told apart.
	mostBaselines = 1024
)

// baseline is how long a method's calls usually take, and how many calls were in
// flight when they began.
type baseline struct {
	latency  time.Duration // the median; 0: not known
	inFlight float64       // as many as were served so fast
	moved    time.Duration // when it moved last
	first    []sample      // until it is known
}

// bearable is the latency above which a call is slow.
func (b *baseline) bearable() time.Duration {
	return time.Duration(tolerance*float64(b.latency)) + slack
}

// learn makes the baseline of a method's first calls.
func (b *baseline) learn(s sample, now time.Duration) {
	if b.first = append(b.first, s); len(b.first) == learnFrom {
		b.set(b.first, now)
		b.first = nil
	}
}

// set makes the baseline of calls.
func (b *baseline) set(calls []sample, now time.Duration) {
	b.latency = max(median(calls, func(s *sample) time.Duration { return s.latency }), 1)
	b.inFlight = max(mean(calls), 1)
	b.moved = now
}

// follow moves the baseline towards what a call took. Each call counts for the
// time since the one before, so that the speed is the same under any load.
func (b *baseline) follow(s sample, now time.Duration) {
	share := drift * min(now-b.moved, time.Second).Seconds()
	b.moved = now
	if s.latency > b.latency {
		b.latency += time.Duration(share * float64(b.latency))
	} else {
		b.latency -= time.Duration(share * float64(b.latency))
	}
	b.latency = max(b.latency, 1)
}

// sample is a call that ended.
type sample struct {
	base     *baseline
	latency  time.Duration
	excess   float64 // of its latency over what is bearable: slow above 1
	inFlight int     // when it began, itself included
	cut      bool    // a bound ended it: it would have taken longer
}

func median[T float64 | time.Duration](calls []sample, of func(*sample) T) T {
	return quantile(calls, 0.5, of)
}

// quantile returns a quantile of what calls have; there is at least one.
func quantile[T float64 | time.Duration](calls []sample, q float64, of func(*sample) T) T {
	values := make([]T, len(calls))
	for i := range calls {
		values[i] = of(&calls[i])
	}
	slices.Sort(values)
	return values[int(q*float64(len(values)-1)+0.5)]
}

// mean returns how many calls were in flight when these began.
func mean(calls []sample) float64 {
	sum := 0
	for i := range calls {
		sum += calls[i].inFlight
	}
	return float64(sum) / float64(max(len(calls), 1))
}
