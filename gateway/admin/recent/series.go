package recent

import (
	"maps"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// watched are the metrics whose series are remembered one by one, over the last
// minute.
var watched = map[string]bool{
	"venta_rate_limit_decisions_total": true,
	"venta_cache_requests_total":       true,
	"venta_cache_entries":              true,
	"venta_cache_size_bytes":           true,
	"venta_concurrency_shed_total":     true,
	"venta_concurrency_in_flight":      true,
	"venta_concurrency_limit":          true,
	"venta_concurrency_queued":         true,
	"venta_stream_active":              true,
	"venta_stream_opened_total":        true,
	"venta_stream_messages_total":      true,
}

// Series is one series of a counter or a gauge.
type Series struct {
	Labels map[string]string // not to be changed
	// Value is what the last sample said.
	Value float64
	// PerSecond is how fast it has grown over the last minute, or since the first
	// sample where that is less.
	PerSecond float64
}

// seriesSamples are the last values of one series, the newest last.
type seriesSamples struct {
	labels map[string]string
	values []float64
}

// remembered are series by metric, and by their labels.
type remembered map[string]map[string]*seriesSamples

// next returns what is remembered with one sample more, of at most so many. A counter
// that appears has counted from 0 on; what is no longer read is forgotten.
func (r remembered) next(families []*dto.MetricFamily, most, before int) remembered {
	now := remembered{}
	for _, family := range families {
		if !watched[family.GetName()] {
			continue
		}
		all := map[string]*seriesSamples{}
		for _, m := range family.GetMetric() {
			key, value := keyOf(m), m.GetCounter().GetValue()+m.GetGauge().GetValue()
			s := r[family.GetName()][key]
			if s == nil {
				s = &seriesSamples{labels: labelsOf(m), values: make([]float64, before, most)}
			}
			if len(s.values) == most {
				s.values = slices.Delete(s.values, 0, 1)
			}
			s.values = append(s.values, value)
			all[key] = s
		}
		now[family.GetName()] = all
	}
	return now
}

// keyOf tells a series from others of its metric: labels are read in one order.
func keyOf(m *dto.Metric) string {
	var key strings.Builder
	for _, label := range m.GetLabel() {
		key.WriteString(label.GetValue())
		key.WriteByte(0)
	}
	return key.String()
}

// Series returns the series of one of the metrics that are remembered one by one: those
// of limits, cache, concurrency and streams. Others have none.
func (h *History) Series(metric string) []Series {
	h.mu.RLock()
	defer h.mu.RUnlock()
	all := make([]Series, 0, len(h.series[metric]))
	for _, key := range slices.Sorted(maps.Keys(h.series[metric])) {
		s := h.series[metric][key]
		last := len(s.values) - 1
		one := Series{Labels: s.labels, Value: s.values[last]}
		if passed := h.passed(last); passed > 0 {
			one.PerSecond = max(s.values[last]-s.values[0], 0) / passed.Seconds()
		}
		all = append(all, one)
	}
	return all
}

// passed returns the time of the last n steps. The lock is held.
func (h *History) passed(n int) time.Duration {
	at := func(sample int) time.Time { return h.times[sample%len(h.times)] }
	return at(h.taken - 1).Sub(at(h.taken - 1 - n))
}
