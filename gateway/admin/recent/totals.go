package recent

import (
	"cmp"
	"maps"
	"strconv"

	dto "github.com/prometheus/client_model/go"

	"github.com/venta-hq/venta/gateway/admin/internal/histogram"
)

// totals are what a process has counted since it started, by group: an RPC, a
// route that is none's, or [All].
type totals map[string]*total

// total is what has been counted of one group, or what was added to it.
type total struct {
	counts  map[string]float64
	latency histogram.Histogram
	levels  map[string]float64 // what is not counted, but stands at a value
}

// counted are the counters that are remembered: their events are called by the
// prefix and the value of the label.
var counted = map[string]struct{ prefix, label string }{
	"venta_cache_requests_total":       {"cache.", "venta_cache_outcome"},
	"venta_rate_limit_decisions_total": {"limit.", "venta_rate_limit_decision"},
	"venta_retry_attempts_total":       {"attempt.", "venta_retry_verdict"},
	"venta_concurrency_shed_total":     {"shed.", "venta_concurrency_criticality"},
	"venta_policy_shadow_total":        {"shadow.", "venta_policy_name"},
}

// processCounts and levels are remembered of the process as a whole; series of one
// name are added.
var (
	processCounts = map[string]string{"process_cpu_seconds_total": "cpu"}
	levels        = map[string]string{
		"process_resident_memory_bytes": "memory",
		"go_goroutines":                 "goroutines",
		"http_server_active_requests":   "active",
		"venta_listener_connections":    "connections",
		"venta_listener_unsent_bytes":   "unsent",
		"venta_upstream_in_flight":      "upstream",
	}
)

// durations is the histogram of requests: their number, too.
const durations = "http_server_request_duration_seconds"

// read takes what is remembered out of what a scrape reads.
func read(families []*dto.MetricFamily) totals {
	all := totals{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			all.add(family.GetName(), m)
		}
	}
	return all
}

// add takes one series, if it is remembered.
func (all totals) add(name string, m *dto.Metric) {
	if name == durations {
		labels := labelsOf(m)
		all.measure(requestGroup(labels), "status."+class(labels["http_response_status_code"]), m.GetHistogram())
	}
	if of, ok := counted[name]; ok {
		labels := labelsOf(m)
		all.count(cmp.Or(labels["rpc_method"], Unrouted), of.prefix+labels[of.label], m.GetCounter().GetValue())
	}
	if event, ok := processCounts[name]; ok {
		all.of(All).counts[event] += m.GetCounter().GetValue()
	}
	if level, ok := levels[name]; ok {
		all.of(All).levels[level] += m.GetGauge().GetValue()
	}
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := make(map[string]string, len(m.GetLabel()))
	for _, label := range m.GetLabel() {
		labels[label.GetName()] = label.GetValue()
	}
	return labels
}

// requestGroup is the RPC of a request, or the route where that is none's.
func requestGroup(labels map[string]string) string {
	switch {
	case labels["rpc_method"] != "":
		return labels["rpc_method"]
	case labels["http_route"] != "":
		return labels["http_request_method"] + " " + labels["http_route"]
	default:
		return Unrouted
	}
}

// class is that of a status, such as "2xx"; a request that was cut before a
// response has none.
func class(status string) string {
	if code, err := strconv.Atoi(status); err == nil && code >= 100 && code < 600 {
		return strconv.Itoa(code/100) + "xx"
	}
	return "aborted"
}

func (all totals) of(group string) *total {
	if all[group] == nil {
		all[group] = &total{counts: map[string]float64{}, levels: map[string]float64{}}
	}
	return all[group]
}

func (all totals) count(group, event string, n float64) {
	for _, name := range []string{group, All} {
		all.of(name).counts[event] += n
	}
}

func (all totals) measure(group, event string, h *dto.Histogram) {
	all.count(group, event, float64(h.GetSampleCount()))
	for _, name := range []string{group, All} {
		of := all.of(name)
		of.latency = of.latency.Plus(h)
	}
}

// minus returns what was added since before. A nil total is empty.
func (t *total) minus(before *total) total {
	if t == nil {
		return total{}
	}
	added := total{counts: make(map[string]float64, len(t.counts)), latency: t.latency, levels: t.levels}
	maps.Copy(added.counts, t.counts)
	if before == nil {
		return added
	}
	for event, n := range before.counts {
		added.counts[event] -= n
	}
	added.latency = t.latency.Minus(before.latency)
	return added
}

// breakers returns the state of each circuit breaker by its name.
func breakers(families []*dto.MetricFamily) map[string]string {
	states := map[string]string{}
	for _, family := range families {
		if family.GetName() != "venta_circuit_breaker_state" {
			continue
		}
		for _, m := range family.GetMetric() {
			if labels := labelsOf(m); m.GetGauge().GetValue() == 1 {
				states[labels["venta_circuit_breaker_name"]] = labels["venta_circuit_breaker_state"]
			}
		}
	}
	return states
}
