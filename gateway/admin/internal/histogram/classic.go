package histogram

import (
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// classic are the counts of a histogram, cumulative as Prometheus has them, and the
// upper bounds that they stand for; the last is without a bound.
type classic struct {
	bounds []float64
	counts []float64
}

// plus adds a series, all of which have the same bounds.
func (b classic) plus(h *dto.Histogram) classic {
	finite := h.GetBucket()
	if n := len(finite); n > 0 && math.IsInf(finite[n-1].GetUpperBound(), 1) {
		finite = finite[:n-1]
	}
	bounds, counts := make([]float64, len(finite)), make([]float64, len(finite)+1)
	for i, each := range finite {
		bounds[i], counts[i] = each.GetUpperBound(), float64(each.GetCumulativeCount())
	}
	counts[len(finite)] = float64(h.GetSampleCount())
	return b.combine(classic{bounds, counts}, 1)
}

// combine adds another one, or takes it away.
func (b classic) combine(other classic, sign float64) classic {
	if b.counts == nil && sign > 0 {
		return other
	}
	if len(b.counts) != len(other.counts) {
		return b
	}
	combined := classic{b.bounds, slices.Clone(b.counts)}
	for i, n := range other.counts {
		combined.counts[i] += sign * n
	}
	return combined
}

func (b classic) count() float64 {
	if len(b.counts) == 0 {
		return 0
	}
	return b.counts[len(b.counts)-1]
}

func (b classic) within(bound float64) (n float64, counted bool) {
	i, found := slices.BinarySearch(b.bounds, bound)
	if !found {
		return 0, false
	}
	return b.counts[i], true
}

func (b classic) quantile(q float64) float64 {
	if b.count() <= 0 {
		return math.NaN()
	}
	rank := q * b.count()
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
