package objectives

import (
	"slices"
	"time"
)

const (
	// steps is how many parts of a window are counted apart, about: 30 days in steps of
	// two hours take 6 KiB at most.
	steps = 360
	// leastStep is the shortest of them, as the rules count half hours.
	leastStep = 30 * time.Minute
)

// budget is what was counted of one promise.
type budget struct {
	since      time.Time
	before     total  // what was read last
	counts     []step // the oldest first; none where nothing was counted
	unmeasured bool   // of the last requests
}

// step is what was counted in one part of the window: the number of steps that went
// before it since 1970, requests, and those of them that are bad.
type step struct {
	n             int32
	requests, bad float32
}

// lengthOf returns how long a step of a window is, a multiple of the shortest.
func lengthOf(window time.Duration) time.Duration {
	return max(leastStep, (window/steps + leastStep - 1).Truncate(leastStep))
}

// add counts what was read since the last time.
func (b *budget) add(now time.Time, k key, read total) {
	requests, bad, measured := read.minus(b.before).count(k)
	b.before = read
	if requests <= 0 {
		return
	}
	b.unmeasured = !measured
	length := lengthOf(k.window)
	n := int32(now.UnixNano() / int64(length))
	if last := len(b.counts) - 1; last < 0 || b.counts[last].n != n {
		oldest := n - int32(k.window/length)
		b.counts = slices.DeleteFunc(b.counts, func(s step) bool { return s.n < oldest || s.n > n })
		b.counts = append(b.counts, step{n: n})
	}
	last := &b.counts[len(b.counts)-1]
	last.requests += float32(requests)
	last.bad += float32(bad)
}

// sum adds up what is in the window.
func (b *budget) sum(now time.Time, k key) (requests, bad float64) {
	oldest := int32(now.Add(-k.window).UnixNano() / int64(lengthOf(k.window)))
	for _, s := range b.counts {
		if s.n >= oldest {
			requests += float64(s.requests)
			bad += float64(s.bad)
		}
	}
	return requests, bad
}
