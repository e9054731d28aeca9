package concurrency

import (
	"math"
	"time"
)

const (
	// tolerance is how much slower than on an idle upstream calls may be, as a
	// factor and in time; the latter is for calls that are faster than the
	// machine's own jitter.
	tolerance = 1.5
	slack     = time.Millisecond
	// smoothing is how much of a change is made at once.
	smoothing = 0.2
	// overloadShare is the share of overloads that shrinks the bound by itself,
	// by the factor retreat.
	overloadShare = 0.1
	retreat       = 0.8

	firstLimit   = 20
	fewestCalls  = 10 // that mean something
	shortestSpan = 100 * time.Millisecond
	longestSpan  = 2 * time.Second
	// probeEvery is after how many spans the idle latency is measured again, with
	// a part of the places: what was measured once may no longer hold, and under
	// load it cannot be seen.
	probeEvery = 60
	probePart  = 0.25
)

// gradient finds the number of calls that an upstream serves without queueing,
// by comparing the latency of each span of time with the latency of an idle
// upstream: the bound is multiplied by their ratio, and room for some queueing,
// its square root, is added. Until calls become slower for the first time the
// bound grows to twice of what was in use, where the upstream keeps up with the
// calls in flight. It is guarded by its limiter's lock.
type gradient struct {
	ceiling  float64
	limit    float64
	idle     time.Duration // the latency without queueing; 0: not known
	starting bool
	spans    int     // since idle was measured
	resume   float64 // the bound after a probe; 0: none is running
	span     span
	last     time.Duration // when a call ended
	empty    bool          // none was in flight after it
}

// span counts the calls of a time.
type span struct {
	began     time.Duration
	calls     int // that began and succeeded in it
	sum       time.Duration
	overloads int
	ended     int           // in it, whenever they began and however they went
	pause     time.Duration // without a call in flight
	peak      int           // of the calls in flight
}

func newGradient(ceiling int) *gradient {
	return &gradient{ceiling: float64(ceiling), limit: min(firstLimit, float64(ceiling)), starting: true, empty: true}
}

// places is the bound as a whole number, at least 1.
func (g *gradient) places() int { return int(g.limit) }

// record counts a call that ended now, one of those in flight.
func (g *gradient) record(now, start time.Duration, o Outcome, inFlight int) {
	g.end(now, start, inFlight)
	if o == Ignored {
		return
	}
	s := &g.span
	s.peak = max(s.peak, inFlight)
	switch {
	case o == Overload:
		s.overloads++
	case start >= s.began: // earlier calls were under another bound
		s.calls++
		s.sum += now - start
	}
	if now-s.began >= g.length() && s.calls+s.overloads >= fewestCalls {
		g.conclude(s.wait(now, inFlight))
		g.span = span{began: now}
	}
}

// end counts what the upstream has done, whether or not it means something.
func (g *gradient) end(now, start time.Duration, inFlight int) {
	g.span.ended++
	if g.empty {
		g.span.pause += max(start-g.last, 0)
	}
	g.last, g.empty = now, inFlight == 1
}

// length is how long a span lasts at least.
func (g *gradient) length() time.Duration {
	return min(max(2*g.idle, shortestSpan), longestSpan)
}

// conclude draws what follows from a span, at the end of which a call would wait
// so long for its response.
func (g *gradient) conclude(wait time.Duration) {
	s := &g.span
	g.spans++
	switch {
	case float64(s.overloads) > overloadShare*float64(s.calls+s.overloads):
		g.endProbe()
		g.starting = false
		g.limit = max(g.limit*retreat, 1)
		return
	case g.resume > 0:
		g.endProbe()
		g.idle = s.mean()
		return
	}
	if mean := s.mean(); g.idle == 0 || mean < g.idle {
		g.idle = mean
	}
	g.follow(s, wait)
	if g.spans >= probeEvery {
		g.resume = g.limit
		g.limit = max(g.limit*probePart, 1)
	}
}

func (g *gradient) endProbe() {
	if g.resume > 0 {
		g.limit, g.resume, g.spans = g.resume, 0, 0
	}
}

// follow moves the bound by what a span says.
func (g *gradient) follow(s *span, wait time.Duration) {
	bearable := tolerance*float64(g.idle) + float64(slack)
	ratio := bearable / float64(max(s.mean(), 1))
	ratio = min(max(ratio, 0.5), 1)
	next := g.limit + smoothing*(g.limit*ratio+math.Sqrt(g.limit)-g.limit)
	if ratio < 1 {
		g.starting = false
	} else if g.starting && float64(wait) <= bearable {
		next = max(g.limit, float64(2*s.peak))
	}
	if next > g.limit && float64(2*s.peak) < g.limit {
		return // the bound was not what held calls back
	}
	g.limit = min(max(next, 1), g.ceiling)
}

func (s *span) mean() time.Duration { return s.sum / time.Duration(max(s.calls, 1)) }

// wait is how long the upstream takes for the calls in flight, at the rate at
// which calls ended (Little's law). It shows a queue before the first call that
// has been through it ends.
func (s *span) wait(now time.Duration, inFlight int) time.Duration {
	busy := now - s.began - s.pause
	return time.Duration(float64(busy) * float64(inFlight) / float64(max(s.ended, 1)))
}
