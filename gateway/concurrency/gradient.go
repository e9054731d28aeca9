package concurrency

import (
	"math"
	"time"
)

const (
	enoughCalls  = 20 // in a span
	fewCalls     = 5  // in one that has lasted for long
	shortestSpan = 100 * time.Millisecond
	longestSpan  = 2 * time.Second
	// mostSamples bounds what is remembered of a span, and of slow calls before it.
	mostSamples = 128
	// byLoad is the least part of a call's slowness that more calls in flight must
	// explain, were the upstream's queue the cause.
	byLoad = 0.7
	// smallerBy is how much fewer calls in flight tell whether latency follows them.
	smallerBy = 0.7
	// room is how far the calls in flight may still grow once they are suspected.
	room = 1.5
	// heldBack is the share of calls that a bound holds back where it means something.
	heldBack = 0.1
	// fasterBy is the part of the baseline below which an upstream has become faster.
	fasterBy = 0.67
	// trialOf is how many latencies a step down is on trial: a load of a few percent too much
	// fills room in that time.
	trialOf = 16
	// longestIdle is after how long without a call nothing is known any more.
	longestIdle = 10 * time.Second
)

// gradient finds the number of calls that an upstream serves without queueing.
// The bound is the ceiling until calls are slow for their number: nothing but a
// queue at the upstream lowers it, and a queue has two signs together. Calls take
// longer than usual, half of all in a span of time; and they take the longer the
// more were in flight when they began. An upstream that is slow for reasons of its
// own lacks the second sign, and becomes the new usual.
//
// Where both stand, the bound first keeps the calls in flight at what they are,
// then follows their latency, and each step down is a test, too: where fewer calls
// are no faster, their number was not the cause, and the bound is lifted. It is
// guarded by its limiter's lock.
type gradient struct {
	ceiling   float64
	limit     float64
	baselines map[string]*baseline
	span      span
	slow      []sample      // slow calls of the spans before, the last ones
	since     time.Duration // calls that began earlier were under a higher bound
	before    step          // the step down that is on trial
	trial     time.Duration // until when; 0: calls were not slow of late
	vain      int           // steps down in a row that made nothing faster
	faster    int           // spans in a row that were faster than usual
	last      time.Duration // when a call ended
}

// step is a bound that was too high, and what told so.
type step struct {
	inFlight, excess float64
}

func newGradient(ceiling int) *gradient {
	return &gradient{
		ceiling: float64(ceiling), limit: float64(ceiling),
		baselines: map[string]*baseline{}, span: span{every: 1},
	}
}

// places is the bound as a whole number, at least 1.
func (g *gradient) places() int { return int(g.limit) }

func (g *gradient) lifted() bool { return g.limit >= g.ceiling }

// begin forgets a bound that belongs to a load of long ago.
func (g *gradient) begin(now time.Duration, inFlight int) {
	if inFlight == 0 && !g.lifted() && now-g.last > longestIdle {
		g.lift()
		g.restart(now)
	}
}

// record counts a call that ended now.
func (g *gradient) record(now time.Duration, p *Permit, o Outcome) {
	g.last = now
	if o == Ignored {
		return
	}
	s := sample{base: g.baseline(p.method), latency: now - p.start, inFlight: p.inFlight, cut: o == TimedOut}
	if !g.count(&s, now) || p.start < g.since {
		return
	}
	g.span.add(s)
	length := now - g.span.began
	if length >= shortestSpan && g.span.seen >= enoughCalls || length >= longestSpan && g.span.seen >= fewCalls {
		g.conclude(now)
	}
}

// baseline returns that of a method. Methods beyond the bound share one.
func (g *gradient) baseline(method string) *baseline {
	b := g.baselines[method]
	if b != nil {
		return b
	}
	if len(g.baselines) >= mostBaselines {
		method = ""
	}
	if b = g.baselines[method]; b == nil {
		b = &baseline{}
		g.baselines[method] = b
	}
	return b
}

// count compares a call with its baseline, and reports whether it says something.
func (g *gradient) count(s *sample, now time.Duration) bool {
	b := s.base
	switch {
	case s.cut && b.latency == 0: // none has ever responded
		s.excess = tolerance
		return true
	case b.latency == 0:
		b.learn(*s, now)
		return false
	}
	s.excess = float64(s.latency) / float64(b.bearable())
	if s.cut {
		return s.excess > 1 // what ended sooner might have been fast
	}
	if g.lifted() {
		b.follow(*s, now)
	}
	return true
}

// conclude draws what follows from a span.
func (g *gradient) conclude(now time.Duration) {
	excess := median(g.span.calls, func(s *sample) float64 { return s.excess })
	if excess <= 1 {
		g.keepUp(excess, now)
		g.restart(now)
		return
	}
	inFlight := mean(g.span.calls)
	switch {
	case g.lifted() && g.causedByLoad(), !g.lifted() && g.trial == 0 && g.keptUp():
		// Little more than now. Whether calls go on to come faster than they end
		// the next spans say.
		g.lower(g.ample(), step{inFlight, excess}, now)
	case g.lifted(), g.keptUp() && now >= g.trial, g.inVain(step{inFlight, excess}):
		g.relearn(now)
		g.lift()
	case g.keptUp(): // so far
	case g.vain > 0:
		g.lower(smallerBy*min(g.limit, inFlight), g.before, now) // once more
	default:
		g.lower(min(g.limit, inFlight)/excess, step{inFlight, excess}, now)
	}
	g.restart(now)
}

// restart begins the next span. Where many calls were slow they stay as evidence:
// the load at which they began to be slow tells most.
func (g *gradient) restart(now time.Duration) {
	slow := g.slowCalls()
	if 4*(len(slow)-len(g.slow)) < len(g.span.calls) || !g.lifted() {
		slow = slow[:0]
	}
	g.slow = slow[:min(len(slow), mostSamples)]
	g.span = span{began: now, calls: g.span.calls[:0], every: max(g.span.seen/mostSamples, 1)}
}

// prove notes how many calls in flight the upstream serves as fast as usual.
func (g *gradient) prove(ratio float64) {
	if ratio > 1.25 {
		return
	}
	inFlight := max(mean(g.span.calls), 1)
	for i := range g.span.calls {
		b := g.span.calls[i].base
		b.inFlight += (inFlight - b.inFlight) * 0.3 / float64(len(g.span.calls))
	}
}

// keepUp draws what follows from calls that are not slow.
func (g *gradient) keepUp(excess float64, now time.Duration) {
	ratio := median(g.span.calls, func(s *sample) float64 { return float64(s.latency) / float64(max(s.base.latency, 1)) })
	if ratio > fasterBy {
		g.faster = 0
	} else if g.faster++; g.faster == 2 {
		g.faster = 0
		g.relearn(now)
	}
	if g.vain = 0; g.lifted() {
		g.prove(ratio)
		return
	}
	g.trial = 0
	factor := min(max(math.Sqrt(1/excess), 1), 1.5)
	if !g.heldMany() {
		factor *= factor // the bound is of no use
		g.limit = max(g.limit, g.ample())
	}
	g.limit = min(max(g.limit*factor, g.limit+1), g.ceiling)
	if g.lifted() {
		g.lift()
	}
}

// lower steps down, for what was before.
func (g *gradient) lower(limit float64, before step, now time.Duration) {
	g.limit = min(max(limit, 1), g.ceiling)
	g.before, g.since = before, now
	g.trial = now + trialOf*median(g.span.calls, func(s *sample) time.Duration { return s.latency })
}

// lift takes the bound away.
func (g *gradient) lift() {
	g.limit, g.before, g.since, g.trial, g.vain = g.ceiling, step{}, 0, 0, 0
	g.slow = g.slow[:0]
}

// relearn makes the baselines of the span's calls.
func (g *gradient) relearn(now time.Duration) {
	byMethod := map[*baseline][]sample{}
	for _, s := range g.span.calls {
		if !s.cut {
			byMethod[s.base] = append(byMethod[s.base], s)
		}
	}
	for b, calls := range byMethod {
		if len(calls) >= fewCalls {
			b.set(calls, now)
		}
	}
	g.span.calls = g.span.calls[:0] // they were compared with what was
}

// inherit takes over what another gradient has learnt.
func (g *gradient) inherit(from *gradient) {
	for method, b := range from.baselines {
		learnt := *b
		learnt.first = append([]sample(nil), b.first...)
		g.baselines[method] = &learnt
	}
	g.last = from.last
	if !from.lifted() {
		g.limit = min(from.limit, g.ceiling)
	}
}
