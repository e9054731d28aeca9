package api

import (
	"math"
	"strconv"
	"time"

	"github.com/venta-hq/venta/gateway/admin/recent"
)

// figure is a number with four digits that count, or null where there is none.
type figure float64

// MarshalJSON implements json.Marshaler.
func (f figure) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(f), 'g', 4, 64), nil
}

// column is a series of figures, the oldest first.
type column []float32

// MarshalJSON implements json.Marshaler.
func (c column) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, value := range c {
		if i > 0 {
			b = append(b, ',')
		}
		text, _ := figure(value).MarshalJSON() // it has no error
		b = append(b, text...)
	}
	return append(b, ']'), nil
}

// columns are a window as JSON has it.
type columns struct {
	Times     []int64           `json:"times"`
	Rates     map[string]column `json:"rates"`
	Levels    map[string]column `json:"levels,omitempty"`
	Durations map[string]column `json:"durations"`
}

func columnsOf(w recent.Window) columns {
	c := columns{Times: make([]int64, len(w.Times)), Rates: named(w.Rates), Levels: named(w.Levels), Durations: map[string]column{}}
	for i, t := range w.Times {
		c.Times[i] = t.Unix()
	}
	for p, values := range w.Durations {
		c.Durations[percentile(p)] = values
	}
	return c
}

func named(values map[string][]float32) map[string]column {
	all := make(map[string]column, len(values))
	for name, each := range values {
		all[name] = each
	}
	return all
}

func percentile(p recent.Percentile) string { return "p" + strconv.Itoa(int(p)) }

// samplesOf is how many samples a time has.
func samplesOf(w recent.Window, over time.Duration) int {
	n := len(w.Times)
	if n == 0 {
		return 0
	}
	from := w.Times[n-1].Add(-over)
	for i, t := range w.Times {
		if t.After(from) {
			return n - i
		}
	}
	return 0
}
