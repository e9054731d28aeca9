package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/api"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/promql"
)

// most is the share of bad requests that any alert on a budget fires at, so that a
// large budget cannot keep it from firing.
const most = 0.9

// pace is how fast a budget may be spent: the long window tells that enough of it is
// gone, the short one that it still goes on.
type pace struct {
	long, short time.Duration
	spent       float64 // the share of the budget that is spent in the long window
	severity    string
}

// paces are those of the SRE workbook.
func paces() []pace {
	const minute, hour = time.Minute, time.Hour
	return []pace{
		{hour, 5 * minute, 0.02, "page"},
		{6 * hour, 30 * minute, 0.05, "page"},
		{24 * hour, 2 * hour, 0.1, "ticket"},
		{72 * hour, 6 * hour, 0.1, "ticket"},
	}
}

// factor returns how many times as fast as allowed the budget of a period is spent.
// Slower than allowed is no fault, however little of the period is left.
func (p pace) factor(period time.Duration) float64 {
	return max(1, p.spent*float64(period)/float64(p.long))
}

// burns are the alerts on budgets, for each period that objectives have.
func burns(a api.API, o Options) []group {
	var groups []group
	for _, k := range []kind{failures, slowness} {
		for _, period := range periods(a, k) {
			g := group{
				name: "venta-burn-" + strings.TrimPrefix(strings.TrimSuffix(k.budget, "_budget:ratio"), "rpc_method:") + "-" + promql.Queries{}.Duration(period),
				comment: "Budgets that are spent too fast. The long window tells that much is gone, the short one that it goes on,\n" +
					"and the floor that there was traffic.",
			}
			for _, mode := range modes(a, k, period) {
				g.rules = append(g.rules, total(k, period, mode, o))
				for _, p := range paces() {
					g.rules = append(g.rules, burn(k, p, period, mode, o))
				}
			}
			groups = append(groups, g)
		}
	}
	return groups
}

// modes returns those of the objectives, enforced ones first.
func modes(a api.API, k kind, period time.Duration) []string {
	var all []string
	for _, m := range a.Methods {
		if objective := m.Policy.Objective; k.of(objective) > 0 && objective.Window == period {
			all = append(all, mode(objective))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// burn is the alert of one pace.
func burn(k kind, p pace, period time.Duration, mode string, o Options) rule {
	budget := fmt.Sprintf("%s{mode=%q,window=%q}", k.budget, mode, promql.Queries{}.Duration(period))
	limit := fmt.Sprintf("clamp_max(%s * %s, %s)", strconv.FormatFloat(p.factor(period), 'g', 4, 64), budget, share(most))
	long, short := o.Queries.Duration(p.long), o.Queries.Duration(p.short)
	return k.alertOf(p.severity, mode, period, long, short, o, fmt.Sprintf("%s:ratio%s > on (rpc_method) %s\nand on (rpc_method)\n%s:ratio%s > on (rpc_method) %s\n",
		k.bad, long, limit, k.bad, short, limit))
}

// total is the alert on an RPC that hardly does anything else. A budget of some
// percent would take the better part of an hour to tell it.
func total(k kind, period time.Duration, mode string, o Options) rule {
	long, short := o.Queries.Duration(15*time.Minute), o.Queries.Duration(5*time.Minute)
	return k.alertOf("page", mode, period, long, short, o, fmt.Sprintf("%s:ratio%s > 0.7\nand on (rpc_method)\n%s:ratio%s > 0.7\nand on (rpc_method)\n%s{mode=%q,window=%q}\n",
		k.bad, long, k.bad, short, k.budget, mode, promql.Queries{}.Duration(period)))
}

func (k kind) alertOf(severity, mode string, period time.Duration, long, short string, o Options, expr string) rule {
	if mode == "shadow" {
		severity = "info"
	}
	return rule{
		alert:  k.alert,
		expr:   expr + fmt.Sprintf("and on (rpc_method)\n%s:increase%s >= %d", k.bad, long, o.Floor),
		labels: []pair{{"severity", severity}, {"mode", mode}, {"window", promql.Queries{}.Duration(period)}, {"long_window", long}, {"short_window", short}},
		annotations: o.annotate(k.alert, "{{ $labels.rpc_method }} "+k.does,
			"In the last "+long+" {{ $value | humanizePercentage }} of its requests were bad, and it goes on.",
			"method", "?var-rpc_method={{ $labels.rpc_method }}"),
	}
}

// annotate returns the annotations of an alert.
func (o Options) annotate(alert, summary, description, dashboard, query string) []pair {
	return []pair{
		{"summary", summary},
		{"description", description},
		{"runbook_url", o.RunbooksURL + "#" + strings.ToLower(alert)},
		{"dashboard_url", o.GrafanaURL + "/d/venta-" + dashboard + query},
	}
}
