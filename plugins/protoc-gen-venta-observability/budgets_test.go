package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/venta-hq/venta/gateway/admin/objectives"
	"github.com/venta-hq/venta/gateway/policy"
)

// counted is a series of requests: so many a minute, and how many of them are within
// the bucket of the promised latency.
type counted struct {
	method, status, errorType string
	each, within              int
}

const shopped = "shop.v1.OrderService/"

var budgeted = []counted{
	{shopped + "GetOrder", "200", "", 900, 890},
	{shopped + "GetOrder", "302", "", 50, 45},
	{shopped + "GetOrder", "404", "", 500, 1}, // no success, and no failure
	{shopped + "GetOrder", "500", "500", 1, 1},
	{shopped + "GetOrder", "", "aborted", 1, 0},
	{shopped + "CreateOrder", "200", "", 80, 60},
	{shopped + "CreateOrder", "503", "503", 9, 9},
	{shopped + "WatchOrders", "200", "", 300, 0},
	{shopped + "WatchOrders", "504", "504", 2, 0},
	{shopped + "TryOrder", "200", "", 1000, 1000},
	{shopped + "TryOrder", "500", "500", 1, 1},
}

// budgets are what the shop of internal/testdata/accepted promises.
func budgets() []objectives.Promise {
	const ms, day = time.Millisecond, 24 * time.Hour
	return []objectives.Promise{
		{Method: shopped + "GetOrder", Objective: policy.Objective{Latency: 300 * ms, Percentile: 99.9, ErrorPercent: 0.1, Window: 30 * day}},
		{Method: shopped + "CreateOrder", Objective: policy.Objective{Latency: time.Second, Percentile: 90, ErrorPercent: 10, Window: 7 * day}},
		{Method: shopped + "WatchOrders", Objective: policy.Objective{ErrorPercent: 1, Window: 30 * day}},
		{Method: shopped + "TryOrder", Objective: policy.Objective{ErrorPercent: 0.5, Window: 30 * day, Shadow: true}},
	}
}

// TestAdminBudgets holds that what the admin page says is left of a budget is what the
// rules say, of the same numbers.
func TestAdminBudgets(t *testing.T) {
	const minutes = 240
	tracker := objectives.NewTracker(budgets)
	started := time.Unix(0, 0)
	for i := range minutes + 1 {
		tracker.Read(started.Add(time.Duration(i)*time.Minute), readAt(i))
	}
	states := tracker.States(started.Add(minutes * time.Minute))
	if len(states) != 6 {
		t.Fatalf("%d states", len(states))
	}
	var test strings.Builder
	rules, err := filepath.Abs(filepath.Join(accepted, "shop", "want", "prometheus", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&test, "rule_files: [%s]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n  input_series:\n", rules)
	for _, c := range budgeted {
		c.series(&test, minutes)
	}
	test.WriteString("  promql_expr_test:\n")
	for _, s := range states {
		record := map[objectives.Kind]string{objectives.Errors: "error_budget", objectives.Latency: "latency_budget"}[s.Kind]
		fmt.Fprintf(&test, "  - expr: 'sum(round(rpc_method:%s:remaining{rpc_method=%q}, 0.001))'\n    eval_time: %dm\n    exp_samples: [{labels: '{}', value: %.3f}]\n",
			record, s.Method, minutes, math.Round(s.Remaining*1000)/1000)
	}
	path := filepath.Join(t.TempDir(), "budgets.yaml")
	if err := os.WriteFile(path, []byte(test.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "test", "rules", path)
}

// series writes what Prometheus scrapes.
func (c counted) series(to *strings.Builder, minutes int) {
	labels := fmt.Sprintf("job=%q,rpc_method=%q", "venta", c.method)
	for name, value := range map[string]string{"http_response_status_code": c.status, "error_type": c.errorType} {
		if value != "" {
			labels += fmt.Sprintf(",%s=%q", name, value)
		}
	}
	const metric = "http_server_request_duration_seconds"
	fmt.Fprintf(to, "  - {series: '%s_count{%s}', values: '0+%dx%d'}\n", metric, labels, c.each, minutes)
	for _, le := range []string{"0.3", "1"} {
		fmt.Fprintf(to, "  - {series: '%s_bucket{%s,le=%q}', values: '0+%dx%d'}\n", metric, labels, le, c.within, minutes)
	}
}

// readAt is what the process itself reads after so many minutes.
func readAt(minutes int) []*dto.MetricFamily {
	requests := prometheus.NewRegistry()
	for _, c := range budgeted {
		labels := prometheus.Labels{"rpc_method": c.method, "http_response_status_code": c.status, "error_type": c.errorType}
		desc := prometheus.NewDesc("http_server_request_duration_seconds", "A test.", nil, labels)
		within := uint64(c.within * minutes)
		requests.MustRegister(constant{prometheus.MustNewConstHistogram(desc, uint64(c.each*minutes), 0, map[float64]uint64{0.3: within, 1: within})})
	}
	families, err := requests.Gather()
	if err != nil {
		panic(err)
	}
	return families
}

// constant collects one metric.
type constant struct{ prometheus.Metric }

// Describe implements prometheus.Collector.
func (c constant) Describe(to chan<- *prometheus.Desc) { to <- c.Desc() }

// Collect implements prometheus.Collector.
func (c constant) Collect(to chan<- prometheus.Metric) { to <- c.Metric }
