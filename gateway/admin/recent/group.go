package recent

import (
	"math"

	"github.com/venta-hq/venta/gateway/admin/internal/histogram"
)

// group is what is remembered of one group, in columns that are rings: sample n
// stands at n modulo their length.
type group struct {
	steps  int
	rates  map[string][]float32 // a second, by event
	levels map[string][]float32
	p      map[Percentile][]float32
	minute []histogram.Histogram // a ring: what each of the last steps has added
}

func newGroup(steps, minute int) *group {
	g := &group{steps: steps, rates: map[string][]float32{}, levels: map[string][]float32{}, p: map[Percentile][]float32{}, minute: make([]histogram.Histogram, minute)}
	for _, p := range Percentiles {
		g.p[p] = filled(steps, float32(math.NaN()))
	}
	return g
}

// advance remembers what the seconds before sample n have added.
func (g *group) advance(n int, seconds float64, added total) {
	g.put(g.rates, n, added.counts, func(count float64) float64 { return max(count, 0) / seconds })
	g.put(g.levels, n, added.levels, func(level float64) float64 { return level })
	g.minute[n%len(g.minute)] = added.latency
	var lately histogram.Histogram
	for _, each := range g.minute {
		lately = lately.And(each)
	}
	for p, column := range g.p {
		column[n%g.steps] = float32(lately.Quantile(float64(p) / 100))
	}
}

// put fills the columns at sample n; what is not there is 0.
func (g *group) put(columns map[string][]float32, n int, values map[string]float64, scaled func(float64) float64) {
	for name := range values {
		if columns[name] == nil {
			columns[name] = filled(g.steps, 0)
		}
	}
	for name, column := range columns {
		column[n%g.steps] = float32(scaled(values[name]))
	}
}

func filled(n int, value float32) []float32 {
	column := make([]float32, n)
	for i := range column {
		column[i] = value
	}
	return column
}
