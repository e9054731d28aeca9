package objectives

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/venta-hq/venta/gateway/admin/internal/histogram"
)

// requests is the histogram that tells of requests.
const requests = "http_server_request_duration_seconds"

// total is what a process has counted of an RPC since it started.
type total struct {
	all, failed float64
	successes   histogram.Histogram
}

// read takes the totals of RPCs with a promise out of what a scrape reads.
func read(families []*dto.MetricFamily, promises []Promise) map[string]total {
	totals := make(map[string]total, len(promises))
	for _, p := range promises {
		totals[p.Method] = total{}
	}
	for _, family := range families {
		if family.GetName() != requests {
			continue
		}
		for _, series := range family.GetMetric() {
			of := labelsOf(series)
			if t, promised := totals[of.method]; promised {
				totals[of.method] = t.plus(of, series.GetHistogram())
			}
		}
	}
	return totals
}

// labels are those of a series that matter here.
type labels struct{ method, status, errorType string }

func labelsOf(series *dto.Metric) labels {
	var l labels
	for _, label := range series.GetLabel() {
		switch label.GetName() {
		case "rpc_method":
			l.method = label.GetValue()
		case "http_response_status_code":
			l.status = label.GetValue()
		case "error_type":
			l.errorType = label.GetValue()
		}
	}
	return l
}

// success is any of 2xx and 3xx: what a client got wrong says nothing of how long a
// request takes.
func (l labels) success() bool {
	return len(l.status) == 3 && (l.status[0] == '2' || l.status[0] == '3')
}

func (t total) plus(of labels, h *dto.Histogram) total {
	n := histogram.Histogram{}.Plus(h)
	t.all += n.Count()
	if of.errorType != "" {
		t.failed += n.Count()
	}
	if of.success() {
		t.successes = t.successes.And(n)
	}
	return t
}

func (t total) minus(before total) total {
	return total{t.all - before.all, t.failed - before.failed, t.successes.Minus(before.successes)}
}

// count returns how many requests count, and how many of them are bad. Where no
// bucket ends at the promised latency that is not measured.
func (t total) count(k key) (requests, bad float64, measured bool) {
	if k.kind == Errors {
		return t.all, t.failed, true
	}
	all := t.successes.Count()
	if all <= 0 {
		return 0, 0, true
	}
	within, measured := t.successes.Within(k.latency.Seconds())
	if !measured {
		return all, 0, false
	}
	return all, max(all-within, 0), true
}
