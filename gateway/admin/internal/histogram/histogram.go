// Package histogram reads Prometheus' histograms as its queries do: classic ones,
// with buckets that somebody has chosen, and native ones, whose buckets grow
// exponentially.
package histogram

import (
	"math"

	dto "github.com/prometheus/client_model/go"
)

// Histogram is what was counted. It is not changed. The zero value is empty. All
// histograms that are put together must be of one metric.
type Histogram struct {
	classic classic
	native  native
}

// Plus returns what is in the histogram and in a series that was read.
func (h Histogram) Plus(series *dto.Histogram) Histogram {
	if len(series.GetBucket()) == 0 && series.Schema != nil {
		h.native = h.native.combine(readNative(series), 1)
		return h
	}
	h.classic = h.classic.plus(series)
	return h
}

// And returns what is in both.
func (h Histogram) And(other Histogram) Histogram {
	return Histogram{h.classic.combine(other.classic, 1), h.native.combine(other.native, 1)}
}

// Minus returns what was added since before.
func (h Histogram) Minus(before Histogram) Histogram {
	return Histogram{h.classic.combine(before.classic, -1), h.native.combine(before.native, -1)}
}

// Count returns how many values were observed.
func (h Histogram) Count() float64 { return h.classic.count() + h.native.count }

// Quantile estimates as Prometheus' histogram_quantile does: evenly within a classic
// bucket and exponentially within a native one, and the highest bound for what lies
// beyond. NaN: there is nothing.
func (h Histogram) Quantile(q float64) float64 {
	if h.native.count > 0 {
		return h.native.quantile(q)
	}
	return h.classic.quantile(q)
}

// Within returns how many values were at most the bound. In classic buckets that is
// counted, and false where none ends there; in native ones it is estimated as
// Prometheus' histogram_fraction does.
func (h Histogram) Within(bound float64) (n float64, measured bool) {
	if h.native.count > 0 {
		return h.native.within(bound), true
	}
	return h.classic.within(bound)
}

// position returns where in a bucket a value stands, from 0 to 1, where values are
// spread exponentially.
func position(value, lower, upper float64) float64 {
	return min(max(math.Log2(value/lower)/math.Log2(upper/lower), 0), 1)
}
