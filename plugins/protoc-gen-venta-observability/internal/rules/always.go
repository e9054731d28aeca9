package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/api"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/promql"
)

// always are the alerts that hold for every API.
func always(a api.API, o Options) group {
	return group{
		name:    "venta-gateway",
		comment: "What holds for every API, whatever it promises.",
		rules: []rule{
			errorRate(o), latency(a, o), breakers(o), endpoints(o),
			unhealthy("critical", "page", o), unhealthy("degradable", "ticket", o),
			expires(o), diskNearlyFull(o),
		},
	}
}

const (
	fiveMinutes = 5 * time.Minute
	floorOver   = 10 * time.Minute // that failures are counted for the floor
)

func errorRate(o Options) rule {
	q, window := o.Queries, o.Queries.Duration(fiveMinutes)
	return rule{
		alert: "VentaErrorRate",
		expr: fmt.Sprintf("%s\n/\n%s\n> 0.05\nand\n%s >= %d",
			q.Requests("rate", "", window, promql.ServerFail), q.Requests("rate", "", window),
			q.Requests("increase", "", q.Duration(floorOver), promql.ServerFail), o.Floor),
		hold:   fiveMinutes,
		labels: []pair{{"severity", "page"}},
		annotations: o.annotate("VentaErrorRate", "More than 5 % of all requests fail",
			"{{ $value | humanizePercentage }} of all requests have a status of 500 or more.", "overview", ""),
	}
}

// latency leaves streams out, which take as long as their clients like.
func latency(a api.API, o Options) rule {
	const limit = 2 * time.Second
	q, window := o.Queries, o.Queries.Duration(fiveMinutes)
	var unary []string
	if streams := a.Names(func(m api.Method) bool { return m.Stream }); len(streams) > 0 {
		unary = []string{`rpc_method!~"` + promql.Escape(strings.Join(streams, "\n")) + `"`}
		unary[0] = strings.ReplaceAll(unary[0], "\n", "|")
	}
	over := q.Duration(floorOver)
	return rule{
		alert: "VentaLatencyP95",
		expr: fmt.Sprintf("%s > 2\nand\n%s\n-\n%s\n>= %d", q.RequestQuantile(0.95, "", window, unary...),
			q.Requests("increase", "", over, unary...), q.Within(limit, "", over, unary...), o.Floor),
		hold:   fiveMinutes,
		labels: []pair{{"severity", "page"}},
		annotations: o.annotate("VentaLatencyP95", "One request in twenty takes over 2 s",
			"The 95th percentile of all requests is {{ $value | humanizeDuration }}.", "overview", ""),
	}
}

// bridge is what a failed scrape leaves out at most.
const bridge = time.Minute

// breakers fires where a breaker was at no scrape closed. It looks at what is not
// closed, as an open breaker becomes half-open with each probe, and back a minute, so
// that a scrape that failed does not begin the five minutes anew.
func breakers(o Options) rule {
	q := o.Queries
	return rule{
		alert: "VentaBreakerNotClosed",
		expr: fmt.Sprintf("count by (venta_circuit_breaker_name) (\n  max_over_time(%s[%s]) == 0\n)",
			q.Select("venta_circuit_breaker_state", `venta_circuit_breaker_state="closed"`), q.Duration(bridge)),
		hold:   fiveMinutes,
		labels: []pair{{"severity", "ticket"}},
		annotations: o.annotate("VentaBreakerNotClosed", "The breaker {{ $labels.venta_circuit_breaker_name }} does not close",
			"It has been open or half-open for 5 minutes at {{ $value }} gateways.", "policy", ""),
	}
}

// endpoints fires where addresses were left out, by whichever gateway.
func endpoints(o Options) rule {
	q := o.Queries
	return rule{
		alert: "VentaEndpointBreakerNotClosed",
		expr: fmt.Sprintf("sum by (venta_circuit_breaker_name) (\n  last_over_time(%s[%s])\n) > 0",
			q.Select("venta_circuit_breaker_endpoints", `venta_circuit_breaker_state=~"open|half_open"`), q.Duration(bridge)),
		hold:   fiveMinutes,
		labels: []pair{{"severity", "ticket"}},
		annotations: o.annotate("VentaEndpointBreakerNotClosed", "{{ $labels.venta_circuit_breaker_name }} leaves addresses of its upstream out",
			"{{ $value }} breakers of single addresses have been open or half-open for 5 minutes.", "policy", ""),
	}
}

func unhealthy(criticality, severity string, o Options) rule {
	q := o.Queries
	return rule{
		alert: "VentaDependencyUnhealthy",
		expr: fmt.Sprintf("count by (venta_dependency_name, venta_dependency_kind) (\n  max_over_time(%s[%s]) == 0\n)",
			q.Select("venta_dependency_healthy", `venta_dependency_criticality="`+criticality+`"`), q.Duration(bridge)),
		hold:   time.Minute,
		labels: []pair{{"severity", severity}, {"criticality", criticality}},
		annotations: o.annotate("VentaDependencyUnhealthy", "{{ $labels.venta_dependency_kind }} {{ $labels.venta_dependency_name }} is not healthy",
			"{{ $value }} gateways have found it unhealthy for a minute and more.", "fleet", ""),
	}
}

// expires fires where a certificate has a quarter of its lifetime left, and at most 14
// days: one that lives for a day is renewed in hours. What signs for nobody any more
// hides nothing (the gateway shows the next one), and keys of clients are theirs.
func expires(o Options) rule {
	q := o.Queries
	by := func(metric string) string {
		return "min by (venta_credential_name, venta_credential_kind) (" + q.Select(metric, `venta_credential_kind=~"certificate|authority"`) + ")"
	}
	return rule{
		alert: "VentaCertificateExpires",
		expr: fmt.Sprintf("%s\n- time()\n< clamp_max(\n  %s / 4,\n  14 * 86400\n)",
			by("venta_credential_expiry_timestamp_seconds"), by("venta_credential_lifetime_seconds")),
		hold:   fiveMinutes,
		labels: []pair{{"severity", "ticket"}},
		annotations: o.annotate("VentaCertificateExpires", "The {{ $labels.venta_credential_kind }} of {{ $labels.venta_credential_name }} expires",
			"{{ $value | humanizeDuration }} are left of it; below 0 it has expired.", "fleet", ""),
	}
}

// diskNearlyFull fires where a tenth is left, and less than 10 GiB: a tenth of a large
// one lasts.
func diskNearlyFull(o Options) rule {
	q := o.Queries
	free := q.Select("system_filesystem_usage_bytes", `system_filesystem_state="free"`)
	return rule{
		alert: "VentaDiskNearlyFull",
		expr: fmt.Sprintf("min by (instance, venta_filesystem_name) (\n  sum without (system_filesystem_state) (%s)\n  /\n  %s\n) < 0.1\nand\n"+
			"min by (instance, venta_filesystem_name) (%s) < 10 * 2 ^ 30", free, q.Select("system_filesystem_limit_bytes"), free),
		hold:   fiveMinutes,
		labels: []pair{{"severity", "ticket"}},
		annotations: o.annotate("VentaDiskNearlyFull", "The disk of {{ $labels.venta_filesystem_name }} is nearly full at {{ $labels.instance }}",
			"{{ $value | humanizePercentage }} of it are free.", "fleet", ""),
	}
}

// absences are the alerts on what the others stand on.
func absences(a api.API, o Options) group {
	q := o.Queries
	g := group{
		name:    "venta-absent",
		comment: "The other alerts are silent where these metrics are missing.",
		rules: []rule{{
			alert: "VentaMetricsAbsent",
			expr:  "absent(" + q.Select("target_info") + ")",
			hold:  fiveMinutes, labels: []pair{{"severity", "page"}},
			annotations: o.annotate("VentaMetricsAbsent", "No gateway is measured",
				"Prometheus has no metrics of the job "+q.Job+". No other alert can fire.", "fleet", ""),
		}},
	}
	if len(slowRPCs(a)) == 0 {
		return g
	}
	window := q.Duration(fiveMinutes)
	g.rules = append(g.rules, rule{
		alert: "VentaObjectiveNotMeasured",
		expr: fmt.Sprintf("(\n  %s\nunless on (rpc_method)\n  %s:increase%s\n)\nand on (rpc_method)\n%s:increase%s > 0",
			slowness.budget, slowness.bad, window, slowness.all, window),
		hold: 15 * time.Minute, labels: []pair{{"severity", "ticket"}},
		annotations: o.annotate("VentaObjectiveNotMeasured", "The latency of {{ $labels.rpc_method }} is not measured",
			"It has requests, and no bucket at the {{ $labels.latency }} that it promises.", "method", "?var-rpc_method={{ $labels.rpc_method }}"),
	})
	return g
}
