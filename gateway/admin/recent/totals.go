package recent

import (
	"cmp"
	"strconv"

	dto "github.com/prometheus/client_model/go"
)

// totals are what a process has counted since it started, by group: an RPC, a
// route that is none's, or [All].
type totals map[string]*total

// total is what has been counted of one group, or what was added to it.
type total struct {
	counts  map[string]float64
	latency buckets
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

// durations is the histogram of requests: their number, too.
const durations = "http_server_request_duration_seconds"

// read takes what is remembered out of what a scrape reads.
func read(families []*dto.MetricFamily) totals {
	all := totals{}
	for _, family := range families {
		of, isCounted := counted[family.GetName()]
		for _, m := range family.GetMetric() {
			labels := labelsOf(m)
			switch {
			case isCounted:
				all.count(cmp.Or(labels["rpc_method"], Unrouted), of.prefix+labels[of.label], m.GetCounter().GetValue())
			case family.GetName() == durations:
				all.measure(requestGroup(labels), "status."+class(labels["http_response_status_code"]), m.GetHistogram())
			}
		}
	}
	return all
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
		all[group] = &total{counts: map[string]float64{}}
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
		of.latency = of.latency.plus(h)
	}
}

// minus returns what was added since before. A nil total is empty.
func (t *total) minus(before *total) total {
	if t == nil {
		return total{}
	}
	added := total{counts: make(map[string]float64, len(t.counts)), latency: t.latency}
	for event, n := range t.counts {
		added.counts[event] = n
	}
	if before == nil {
		return added
	}
	for event, n := range before.counts {
		added.counts[event] -= n
	}
	added.latency = t.latency.minus(before.latency)
	return added
}
