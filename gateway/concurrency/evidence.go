package concurrency

import (
	"math"
	"slices"
	"time"
)

// span counts the calls of a time.
type span struct {
	began time.Duration
	calls []sample
	seen  int // of which calls has a part
	every int // which part: each so many-th
	held  int // calls that the bound held back
}

func (s *span) add(call sample) {
	s.seen++
	if s.seen%s.every != 0 && s.seen > enoughCalls {
		return
	}
	if len(s.calls) < mostSamples {
		s.calls = append(s.calls, call)
		return
	}
	s.calls[s.seen/s.every%mostSamples] = call
}

// slowCalls returns those of the span behind those of the spans before.
func (g *gradient) slowCalls() []sample {
	slow := slices.Clip(g.slow)
	for _, s := range g.span.calls {
		if s.excess > 1 && !s.cut {
			slow = append(slow, s)
		}
	}
	return slow
}

// causedByLoad reports whether slow calls had so many others beside them as a
// queue needs to be so long.
func (g *gradient) causedByLoad() bool {
	if median(g.span.calls, endedByBound) > 0 {
		return true // nobody is that slow for reasons of its own
	}
	return quantile(g.slowCalls(), 0.25, func(s *sample) float64 {
		slower := float64(s.latency) / float64(s.base.latency)
		return float64(s.inFlight) / s.base.inFlight / slower
	}) >= byLoad
}

func endedByBound(s *sample) float64 {
	if s.cut {
		return 1
	}
	return 0
}

// most is the most calls in flight of the span.
func (g *gradient) most() float64 {
	return quantile(g.span.calls, 1, func(s *sample) float64 { return float64(s.inFlight) })
}

// ample is a bound that holds back nobody unless more calls come than now.
// Calls that come at random vary by the root of their number.
func (g *gradient) ample() float64 {
	most := g.most()
	return room*most + 2*math.Sqrt(most) + 3
}

// heldMany reports whether the bound held calls back, and not one now and then.
func (g *gradient) heldMany() bool {
	return float64(g.span.held) > heldBack*float64(g.span.seen)
}

// keptUp reports whether the upstream, slow as it is, takes all calls that come.
func (g *gradient) keptUp() bool {
	return !g.heldMany() && median(g.span.calls, endedByBound) == 0
}

// inVain reports whether calls are as slow as before steps down, though fewer
// were in flight, or are slow one at a time.
func (g *gradient) inVain(now step) bool {
	if median(g.span.calls, endedByBound) > 0 {
		return false // all as long as the bound lets them
	}
	fewer := now.inFlight / g.before.inFlight
	if g.limit >= 2 && (fewer > smallerBy || now.excess < g.before.excess*(1+fewer)/2) {
		g.vain = 0
		return false
	}
	g.vain++
	return g.vain == 2
}
