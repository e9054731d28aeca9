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
// bound doubles. It is guarded by its limiter's lock.
type gradient struct {
	ceiling  float64
	limit    float64
	idle     time.Duration // the latency without queueing; 0: not known
	starting bool
	spans    int     // since idle was measured
	resume   float64 // the bound after a probe; 0: none is running
	span     span
}

// span counts the calls of a time.
type span struct {
	began     time.Duration
	calls     int // that began and succeeded in it
	sum       time.Duration
	overloads int
	peak      int // of the calls in flight
}

func newGradient(ceiling int) *gradient {
	return &gradient{ceiling: float64(ceiling), limit: min(firstLimit, float64(ceiling)), starting: true}
}

// places is the bound as a whole number, at least 1.
func (g *gradient) places() int { return int(g.limit) }

// record counts a call that ended now, with others in flight beside it.
func (g *gradient) record(now, start time.Duration, o Outcome, inFlight int) {
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
		g.conclude()
		g.span = span{began: now}
	}
}

// length is how long a span lasts at least.
func (g *gradient) length() time.Duration {
	return min(max(2*g.idle, shortestSpan), longestSpan)
}

// conclude draws what follows from a span.
func (g *gradient) conclude() {
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
	g.follow(s)
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

// follow moves the bound by what a span's latency says.
func (g *gradient) follow(s *span) {
	ratio := (tolerance*float64(g.idle) + float64(slack)) / float64(max(s.mean(), 1))
	ratio = min(max(ratio, 0.5), 1)
	next := g.limit + smoothing*(g.limit*ratio+math.Sqrt(g.limit)-g.limit)
	if ratio < 1 {
		g.starting = false
	} else if g.starting {
		next = 2 * g.limit
	}
	if next > g.limit && float64(2*s.peak) < g.limit {
		return // the bound was not what held calls back
	}
	g.limit = min(max(next, 1), g.ceiling)
}

func (s *span) mean() time.Duration { return s.sum / time.Duration(max(s.calls, 1)) }
