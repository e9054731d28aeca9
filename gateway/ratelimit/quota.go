package ratelimit

import (
	"math"
	"time"
)

// Never is the RetryAfter of a request that no wait helps: its cost is above
// the burst, or the wait is longer than a time.Duration can say (292 years).
const Never time.Duration = math.MaxInt64

// Decision is what one limit says of one request.
type Decision struct {
	// Allowed tells whether this limit admits the request. A limit in shadow mode
	// that does not has no effect.
	Allowed bool
	// Unknown tells that nobody knows where the key stands: the limit was not
	// asked, as another one had refused or the cost is above the burst, or its
	// store is out of reach. Remaining and Reset say nothing then.
	Unknown bool
	// StoreFailed tells that a shared limit was decided without its store.
	StoreFailed bool
	// Remaining is how many units could be spent at once now, after the request.
	Remaining int64
	// Reset is the time until one more unit is available; 0 when all are.
	Reset time.Duration
	// RetryAfter is the shortest wait after which the same request is admitted
	// if nothing else is charged meanwhile, to the nanosecond; 0 when Allowed.
	RetryAfter time.Duration
}

// quota is the arithmetic of one limit by the generic cell rate algorithm
// (ITU-T I.371). A key's whole state is its theoretical arrival time (TAT): when
// all that was spent will have been earned back.
//
// Times are counted in ticks of 1/requests ns, in which one unit lasts exactly
// interval ticks whatever the rate: nothing is ever rounded but what is shown.
type quota struct {
	requests  uint64
	interval  uint64 // ns of the interval, ticks of a unit
	burst     int64
	tolerance wide // ticks of the burst
}

func newQuota(requests, burst int64, interval time.Duration) quota {
	return quota{
		requests:  uint64(requests),
		interval:  uint64(interval),
		burst:     burst,
		tolerance: product(uint64(burst), uint64(interval)),
	}
}

// ticks converts a time since the limiter's start.
func (q *quota) ticks(elapsed time.Duration) wide {
	return product(uint64(max(elapsed, 0)), q.requests)
}

// charge returns the TAT after spending units, and whether the burst covers it.
func (q *quota) charge(now, tat wide, units int64) (wide, bool) {
	next := later(tat, now).plus(product(uint64(units), q.interval))
	return next, !now.plus(q.tolerance).less(next)
}

// describe says where a key with this TAT stands.
func (q *quota) describe(now, tat wide) Decision {
	tat = later(tat, now)
	horizon := now.plus(q.tolerance)
	remaining := horizon.minus(tat).over(q.interval)
	d := Decision{Allowed: true, Remaining: int64(remaining)}
	if d.Remaining < q.burst {
		d.Reset = q.until(horizon, tat.plus(product(remaining+1, q.interval)))
	}
	return d
}

// refuse describes a key that cannot spend units; next is the TAT that it would have had.
func (q *quota) refuse(now, tat, next wide, units int64) Decision {
	d := q.describe(now, tat)
	d.Allowed, d.RetryAfter = false, Never
	if units <= q.burst {
		d.RetryAfter = q.until(now.plus(q.tolerance), next)
	}
	return d
}

// until returns the time from one tick to another, rounded up to nanoseconds.
func (q *quota) until(from, to wide) time.Duration {
	return time.Duration(min(to.minus(from).overUp(q.requests), math.MaxInt64))
}

// parts is how many ticks a microsecond has.
func (q *quota) parts() uint64 { return uint64(time.Microsecond) * q.requests }

// span returns the time in which units are earned. It is exact for units up to
// the burst of a limit that [Store] can count.
func (q *quota) span(units int64) Span {
	ticks := product(uint64(units), q.interval)
	micros := ticks.over(q.parts())
	return Span{int64(micros), int64(ticks.minus(product(micros, q.parts())).lo)}
}

// at returns the ticks of a moment of a store's clock.
func (q *quota) at(s Span) wide {
	return product(uint64(s.Micros), q.parts()).plus(wide{lo: uint64(s.Parts)})
}
