package dashboards

import (
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/api"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/promql"
)

// window is what Grafana makes of the scrape interval and the width of a chart.
const window = "$__rate_interval"

// All returns the dashboards of an API.
func All(a api.API, q promql.Queries) []Dashboard {
	return []Dashboard{overview(a, q), versions(a, q), method(a, q), policies(a, q), fleet(q)}
}

func overview(a api.API, q promql.Queries) Dashboard {
	charts := []chart{
		{"Requests", "All requests, those that no route has included.", perSecond, "", []query{{q.Requests("rate", "", window), "requests"}}},
		{"Errors", "The share of requests with a status of 400 and more.", share, "", []query{
			{q.Requests("rate", "", window, promql.ServerFail) + " / " + q.Requests("rate", "", window), "5xx"},
			{q.Requests("rate", "", window, promql.ClientFail) + " / " + q.Requests("rate", "", window), "4xx"},
		}},
		{"Latency", "Until the response was written. Streams are in it.", seconds, "", percentiles(func(p float64) string { return q.RequestQuantile(p, "", window) })},
		{"Under way", "Requests that are being served.", plain, "", []query{{"sum(" + q.Select("http_server_active_requests") + ")", "requests"}}},
		{"Busiest RPCs", "", perSecond, "", []query{{"topk(10, " + q.Requests("rate", "rpc_method", window, promql.OfAnyRPC) + ")", "{{rpc_method}}"}}},
		{"Slowest RPCs", "P95.", seconds, "", []query{{"topk(10, " + q.RequestQuantile(0.95, "rpc_method", window, promql.OfAnyRPC) + ")", "{{rpc_method}}"}}},
		{"Failing RPCs", "Requests with a status of 500 and more, or without a response.", perSecond, "", []query{
			{"topk(10, " + q.Requests("rate", "rpc_method", window, promql.OfAnyRPC, promql.Failed) + ")", "{{rpc_method}}"},
		}},
	}
	if a.Has(breaks) {
		charts = append(charts, chart{"Breakers that are not closed", "", plain, "", []query{{
			"sum by (venta_circuit_breaker_state) (" + q.Select("venta_circuit_breaker_state", `venta_circuit_breaker_state!="closed"`) + ")", "{{venta_circuit_breaker_state}}",
		}}})
	}
	if a.Has(promisesErrors) {
		charts = append(charts, chart{"Error budget left", "Worst first. 1 is all of it; below 0 the promise is broken.", share, "bargauge", []query{
			{"sort(rpc_method:error_budget:remaining)", "{{rpc_method}}"},
		}})
	}
	if a.Has(promisesLatency) {
		charts = append(charts, chart{"Latency budget left", "Worst first. 1 is all of it; below 0 the promise is broken.", share, "bargauge", []query{
			{"sort(rpc_method:latency_budget:remaining)", "{{rpc_method}}"},
		}})
	}
	charts = append(charts,
		chart{"Processor", "Processors that the gateways keep busy.", plain, "", []query{{q.Sum("rate", "process_cpu_seconds_total", "", window), "processors"}}},
		chart{"Memory", "Resident memory of all gateways.", bytes, "", []query{{"sum(" + q.Select("process_resident_memory_bytes") + ")", "memory"}}},
	)
	return page("overview", "Overview", "How the whole API is served.", nil, charts...)
}

// versions puts the RPCs together by their package, which is the API's version.
func versions(a api.API, q promql.Queries) Dashboard {
	byPackage := func(of string) string {
		return `sum by (package) (label_replace(` + of + `, "package", "$1", "rpc_method", "(.+)[.][^.]+/.+"))`
	}
	charts := []chart{
		{"Requests", "By version.", perSecond, "", []query{{byPackage(q.Requests("rate", "rpc_method", window, promql.OfAnyRPC)), "{{package}}"}}},
		{"Failures", "The share of requests that fail, by version.", share, "", []query{{
			byPackage(q.Requests("rate", "rpc_method", window, promql.OfAnyRPC, promql.Failed)) + "\n/\n" + byPackage(q.Requests("rate", "rpc_method", window, promql.OfAnyRPC)), "{{package}}",
		}}},
		{"Share of the traffic", "By version: who still calls the old one.", share, "", []query{{
			byPackage(q.Requests("rate", "rpc_method", window, promql.OfAnyRPC)) + "\n/ on () group_left\n" + q.Requests("rate", "", window, promql.OfAnyRPC), "{{package}}",
		}}},
	}
	for _, name := range a.Packages() {
		charts = append(charts, chart{"Latency of " + name, "", seconds, "", percentiles(func(p float64) string {
			return q.RequestQuantile(p, "", window, `rpc_method=~"`+promql.Escape(name)+`[.][^.]+"`)
		})})
	}
	for _, names := range byService(a.Names(func(m api.Method) bool { return m.Policy.Version != nil })) {
		charts = append(charts, chart{"Deprecated: " + service(names[0]), "Requests of RPCs that will go.", perSecond, "", []query{
			{q.Requests("rate", "rpc_method", window, promql.Named(names)), "{{rpc_method}}"},
		}})
	}
	return page("versions", "API versions", "The versions of the API beside each other.", nil, charts...)
}

func method(a api.API, q promql.Queries) Dashboard {
	const chosen = `rpc_method="$rpc_method"`
	charts := []chart{
		{"Requests", "By status.", perSecond, "", []query{{q.Requests("rate", "http_response_status_code", window, chosen), "{{http_response_status_code}}"}}},
		{"Latency", "Until the response was written.", seconds, "", percentiles(func(p float64) string { return q.RequestQuantile(p, "", window, chosen) })},
		{"Upstream attempts", "By gRPC status. More than requests: retries or hedges.", perSecond, "", []query{
			{q.Count("venta_upstream_duration_seconds", "rpc_response_status_code", window, chosen), "{{rpc_response_status_code}}"},
		}},
		{"Upstream latency", "Of single attempts.", seconds, "", percentiles(func(p float64) string {
			return q.Quantile(p, "venta_upstream_duration_seconds", "", window, chosen)
		})},
	}
	if a.Has(promisesErrors) {
		charts = append(charts, objective(q, "Failures", "rpc_method:http_failures", "rpc_method:error_budget")...)
	}
	if a.Has(promisesLatency) {
		charts = append(charts, objective(q, "Slow requests", "rpc_method:http_slow", "rpc_method:latency_budget")...)
	}
	var names []string
	for _, m := range a.Methods {
		names = append(names, m.Name)
	}
	return page("method", "Method", "One RPC: what clients get, and what its upstream does.",
		[]variable{chooser("rpc_method", "RPC", names, false)}, charts...)
}

// objective shows how a promise is kept.
func objective(q promql.Queries, title, bad, budget string) []chart {
	const chosen = `{rpc_method="$rpc_method"}`
	return []chart{
		{title, "The share of the last 5 minutes and of the last hour, and the budget.", share, "", []query{
			{bad + ":ratio" + q.Duration(fiveMinutes) + chosen, "5m"},
			{bad + ":ratio" + q.Duration(anHour) + chosen, "1h"},
			{budget + ":ratio" + chosen, "budget"},
		}},
		{title + ": budget left", "1 is all of it; below 0 the promise is broken.", share, "stat", []query{{budget + ":remaining" + chosen, "left"}}},
	}
}

func service(name string) string { return before(name, "/") }
