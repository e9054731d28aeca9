package ratelimit

import (
	"math"
	"math/bits"
)

// wide is an unsigned 128-bit number. The largest sum of a policy within its
// limits, 1e9 requests of 24 hours each counted in billionths of a nanosecond
// on top of the years since the start, takes 94 bits.
type wide struct{ hi, lo uint64 }

func product(a, b uint64) wide {
	hi, lo := bits.Mul64(a, b)
	return wide{hi, lo}
}

func (a wide) plus(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return wide{hi, lo}
}

// minus returns a - b, or zero where b is larger.
func (a wide) minus(b wide) wide {
	if a.less(b) {
		return wide{}
	}
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return wide{hi, lo}
}

func (a wide) less(b wide) bool {
	return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo
}

func later(a, b wide) wide {
	if a.less(b) {
		return b
	}
	return a
}

// over returns a / d rounded down, or the largest uint64 where it is too small.
func (a wide) over(d uint64) uint64 {
	if a.hi >= d {
		return math.MaxUint64
	}
	quotient, _ := bits.Div64(a.hi, a.lo, d)
	return quotient
}

// overUp is over rounded up.
func (a wide) overUp(d uint64) uint64 {
	return a.plus(wide{lo: d - 1}).over(d)
}
