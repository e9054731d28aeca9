package recent

import (
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// buckets are the counts of a histogram, cumulative as Prometheus has them, and the
// upper bounds that they stand for; the last is without a bound.
type buckets struct {
	bounds []float64
	counts []float64
}

// plus adds a histogram, all of which have the same bounds.
func (b buckets) plus(h *dto.Histogram) buckets {
	finite := h.GetBucket()
	if n := len(finite); n > 0 && math.IsInf(finite[n-1].GetUpperBound(), 1) {
		finite = finite[:n-1]
	}
	if b.bounds == nil {
		for _, each := range finite {
			b.bounds = append(b.bounds, each.GetUpperBound())
		}
		b.counts = make([]float64, len(finite)+1)
	}
	if len(finite) != len(b.bounds) {
		return b
	}
	for i, each := range finite {
		b.counts[i] += float64(each.GetCumulativeCount())
	}
	b.counts[len(finite)] += float64(h.GetSampleCount())
	return b
}

// minus returns what was added since before.
func (b buckets) minus(before buckets) buckets { return b.combine(before, -1) }

// and returns what is in both.
func (b buckets) and(other buckets) buckets { return b.combine(other, 1) }

func (b buckets) combine(other buckets, sign float64) buckets {
	if b.counts == nil && sign > 0 {
		return other
	}
	if len(b.counts) != len(other.counts) {
		return b
	}
	combined := buckets{b.bounds, slices.Clone(b.counts)}
	for i, n := range other.counts {
		combined.counts[i] += sign * n
	}
	return combined
}

// quantile estimates as Prometheus' histogram_quantile does: evenly within a
// bucket, and the highest bound for what lies beyond. NaN: there is nothing.
func (b buckets) quantile(q float64) float64 {
	if len(b.counts) == 0 || b.counts[len(b.counts)-1] <= 0 {
		return math.NaN()
	}
	rank := q * b.counts[len(b.counts)-1]
	i := slices.IndexFunc(b.counts, func(n float64) bool { return n >= rank })
	switch {
	case len(b.bounds) == 0:
		return math.NaN()
	case i >= len(b.bounds) || i < 0:
		return b.bounds[len(b.bounds)-1]
	}
	lower, below := 0.0, 0.0
	if i > 0 {
		lower, below = b.bounds[i-1], b.counts[i-1]
	}
	within := b.counts[i] - below
	if within <= 0 {
		return b.bounds[i]
	}
	return lower + (b.bounds[i]-lower)*(rank-below)/within
}
