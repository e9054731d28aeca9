package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/api"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/promql"
)

// kind is what an objective promises.
type kind struct {
	budget string // the series of budgets
	bad    string // the series of what spends it, without its operation
	all    string // the series of what it is a share of
	alert  string
	does   string // of an RPC, in a summary
}

var (
	failures = kind{
		budget: "rpc_method:error_budget:ratio", bad: "rpc_method:http_failures", all: "rpc_method:http_requests",
		alert: "VentaErrorBudgetBurn", does: "fails more often than it promises",
	}
	slowness = kind{
		budget: "rpc_method:latency_budget:ratio", bad: "rpc_method:http_slow", all: "rpc_method:http_successes",
		alert: "VentaLatencyBudgetBurn", does: "is slow more often than it promises",
	}
)

// of returns what an objective allows of a kind, as a share; 0: it promises nothing.
func (k kind) of(o *policy.Objective) float64 {
	switch {
	case o == nil:
		return 0
	case k == failures:
		return o.ErrorPercent / 100
	case o.Latency == 0:
		return 0
	default:
		return (100 - o.Percentile) / 100
	}
}

// windows are those that requests are counted over.
func windows() []time.Duration {
	const minute, hour = time.Minute, time.Hour
	return []time.Duration{5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 6 * hour, 24 * hour, 72 * hour}
}

// budgets records what each RPC promises.
func budgets(a api.API) group {
	g := group{name: "venta-objectives", comment: "What each RPC promises, as the share of requests that may fail or be slow."}
	for _, m := range a.Methods {
		objective := m.Policy.Objective
		for _, k := range []kind{failures, slowness} {
			if k.of(objective) == 0 {
				continue
			}
			labels := []pair{{"rpc_method", m.Name}, {"mode", mode(objective)}, {"window", promiseOver(objective)}}
			if k == slowness {
				labels = append(labels, pair{"latency", objective.Latency.String()}, pair{"percentile", strconv.FormatFloat(objective.Percentile, 'f', -1, 64)})
			}
			g.rules = append(g.rules, rule{record: k.budget, expr: "vector(" + share(k.of(objective)) + ")", labels: labels})
		}
	}
	return g
}

func mode(o *policy.Objective) string {
	if o.Shadow {
		return "shadow"
	}
	return "enforce"
}

// promiseOver returns an objective's window, which no trial shortens.
func promiseOver(o *policy.Objective) string { return promql.Queries{}.Duration(o.Window) }

func share(of float64) string { return strconv.FormatFloat(of, 'g', 6, 64) }

// measures records how many requests there were, failed and were slow, over each
// window: a group for each, so that they are evaluated beside each other.
func measures(a api.API, o Options) []group {
	var groups []group
	promised := a.Has(func(m api.Method) bool { return failures.of(m.Policy.Objective) > 0 })
	slow := slowRPCs(a)
	for _, window := range windows() {
		text := o.Queries.Duration(window)
		g := group{name: "venta-requests-" + promql.Queries{}.Duration(window), comment: "Requests of the last " + text + " by RPC."}
		if window >= 24*time.Hour {
			g.interval = 2 * time.Minute
		}
		if promised {
			g.rules = append(g.rules, failed(o.Queries, text)...)
		}
		for i, rpcs := range slow {
			g.rules = append(g.rules, late(o.Queries, text, rpcs, i == len(slow)-1)...)
		}
		groups = append(groups, g)
	}
	return groups
}

func failed(q promql.Queries, window string) []rule {
	increase := ":increase" + window
	return []rule{
		{record: failures.all + increase, expr: q.Requests("increase", "rpc_method", window, promql.OfAnyRPC)},
		{record: failures.bad + increase, expr: q.Requests("increase", "rpc_method", window, promql.OfAnyRPC, promql.Failed) +
			"\nor\n0 * " + failures.all + increase},
		{record: failures.bad + ":ratio" + window, expr: failures.bad + increase + " / " + failures.all + increase},
	}
}

// sameLatency are RPCs of one service that promise the same latency.
type sameLatency struct {
	latency time.Duration
	names   []string
}

func slowRPCs(a api.API) []sameLatency {
	var all []sameLatency
	for _, m := range a.Methods {
		if slowness.of(m.Policy.Objective) == 0 {
			continue
		}
		latency := m.Policy.Objective.Latency
		i := slices.IndexFunc(all, func(s sameLatency) bool {
			return s.latency == latency && strings.HasPrefix(s.names[0], m.Service+"/")
		})
		if i < 0 {
			i, all = len(all), append(all, sameLatency{latency: latency})
		}
		all[i].names = append(all[i].names, m.Name)
	}
	return all
}

// late records what was slower than promised. A bucket that is missing leaves no
// record, which VentaObjectiveNotMeasured tells.
func late(q promql.Queries, window string, rpcs sameLatency, last bool) []rule {
	increase, named := ":increase"+window, promql.Named(rpcs.names)
	service, _, _ := strings.Cut(rpcs.names[0], "/")
	labels := []pair{{"rpc_service", service}, {"latency", rpcs.latency.String()}}
	successes := q.Requests("increase", "rpc_method", window, named, promql.Succeeded)
	rules := []rule{
		{record: slowness.all + increase, expr: successes, labels: labels},
		{record: slowness.bad + increase, labels: labels, expr: "clamp_min(\n  " + successes + "\n-\n  " +
			strings.ReplaceAll(q.Within(rpcs.latency, "rpc_method", window, named, promql.Succeeded), "\n", "\n  ") + ",\n0)"},
	}
	if last {
		rules = append(rules, rule{record: slowness.bad + ":ratio" + window, expr: slowness.bad + increase + " / " + slowness.all + increase})
	}
	return rules
}

// remaining records how much of its budget each RPC has left, from half hours that
// have passed: 1 is all of it, below 0 the promise is broken.
func remaining(a api.API, o Options) group {
	g := group{
		name: "venta-budgets", interval: 2 * time.Minute,
		comment: "What is left of each budget: 1 is all of it, and below 0 the promise is broken.",
	}
	step := o.Queries.Duration(30 * time.Minute)
	for _, k := range []kind{failures, slowness} {
		for _, window := range periods(a, k) {
			over := fmt.Sprintf("[%s:%s]", o.Queries.Duration(window), step)
			g.rules = append(g.rules, rule{
				record: strings.TrimSuffix(k.budget, "ratio") + "remaining",
				labels: []pair{{"window", promql.Queries{}.Duration(window)}},
				expr: fmt.Sprintf("1 -\n  (sum_over_time(%s:increase%s%s) / sum_over_time(%s:increase%s%s))\n/ on (rpc_method) group_right\n  %s{window=%q}",
					k.bad, step, over, k.all, step, over, k.budget, promql.Queries{}.Duration(window)),
			})
		}
	}
	return g
}

// periods returns the windows of the objectives of a kind, each once.
func periods(a api.API, k kind) []time.Duration {
	var all []time.Duration
	for _, m := range a.Methods {
		if k.of(m.Policy.Objective) > 0 {
			all = append(all, m.Policy.Objective.Window)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
