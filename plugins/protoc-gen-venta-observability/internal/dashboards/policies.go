package dashboards

import (
	"strings"
	"time"

	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/api"
	"github.com/venta-hq/venta/plugins/protoc-gen-venta-observability/internal/promql"
)

const (
	fiveMinutes = 5 * time.Minute
	anHour      = time.Hour
)

// What RPCs have.
func breaks(m api.Method) bool {
	return m.Policy.CircuitBreaker != nil
}
func promisesErrors(m api.Method) bool {
	return m.Policy.Objective != nil && m.Policy.Objective.ErrorPercent > 0
}
func promisesLatency(m api.Method) bool {
	return m.Policy.Objective != nil && m.Policy.Objective.Latency > 0
}
func limits(m api.Method) bool  { return len(m.Policy.RateLimits) > 0 }
func caches(m api.Method) bool  { return m.Policy.Cache != nil }
func retries(m api.Method) bool { return m.Policy.Retry != nil || m.Policy.Hedge != nil }
func sheds(m api.Method) bool   { return m.Policy.Concurrency != nil }

// policies shows what each block that the API has does to requests.
func policies(a api.API, q promql.Queries) Dashboard {
	const chosen = `rpc_method=~"$rpc_method"`
	rate := func(metric, by string, matchers ...string) string {
		return q.Sum("rate", metric, by, window, matchers...)
	}
	var charts []chart
	add := func(has func(api.Method) bool, c ...chart) {
		if a.Has(has) {
			charts = append(charts, c...)
		}
	}
	add(limits,
		chart{"Rate limits: decisions", "By limit.", perSecond, "", []query{{
			rate("venta_rate_limit_decisions_total", "venta_rate_limit_name, venta_rate_limit_decision", chosen), "{{venta_rate_limit_name}} {{venta_rate_limit_decision}}",
		}}},
		chart{"Rate limits: refused", "The share that each limit refuses.", share, "", []query{{
			rate("venta_rate_limit_decisions_total", "venta_rate_limit_name", chosen, `venta_rate_limit_decision="deny"`) + "\n/\n" +
				rate("venta_rate_limit_decisions_total", "venta_rate_limit_name", chosen), "{{venta_rate_limit_name}}",
		}}})
	add(caches,
		chart{"Cache: outcomes", "How requests of cached RPCs were served.", perSecond, "", []query{{
			rate("venta_cache_requests_total", "venta_cache_outcome", chosen), "{{venta_cache_outcome}}",
		}}},
		chart{"Cache: hits", "The share that reached no upstream.", share, "", []query{{
			rate("venta_cache_requests_total", "rpc_method", chosen, `venta_cache_outcome=~".*hit|collapsed|stale"`) + "\n/\n" +
				rate("venta_cache_requests_total", "rpc_method", chosen), "{{rpc_method}}",
		}}})
	add(retries, chart{"Retries", "Attempts, by what followed from them.", perSecond, "", []query{{
		rate("venta_retry_attempts_total", "venta_retry_verdict", chosen), "{{venta_retry_verdict}}",
	}}})
	add(breaks,
		chart{"Breakers that are not closed", "By name.", plain, "", []query{{
			"max by (venta_circuit_breaker_name, venta_circuit_breaker_state) (" + q.Select("venta_circuit_breaker_state", `venta_circuit_breaker_state!="closed"`) + ") > 0",
			"{{venta_circuit_breaker_name}} {{venta_circuit_breaker_state}}",
		}}},
		chart{"Breakers: transitions", "", plain, "", []query{{
			q.Sum("increase", "venta_circuit_breaker_transitions_total", "venta_circuit_breaker_name, venta_circuit_breaker_state", window),
			"{{venta_circuit_breaker_name}} to {{venta_circuit_breaker_state}}",
		}}})
	add(sheds, chart{"Shed calls", "By criticality.", perSecond, "", []query{{
		rate("venta_concurrency_shed_total", "venta_concurrency_criticality", chosen), "{{venta_concurrency_criticality}}",
	}}})
	add(api.Method.Shadows, chart{"Shadow mode", "What blocks in shadow would have done.", perSecond, "", []query{{
		rate("venta_policy_shadow_total", "venta_policy_name, venta_policy_would", chosen), "{{venta_policy_name}} would {{venta_policy_would}}",
	}}})
	var names []string
	for _, m := range a.Methods {
		names = append(names, m.Name)
	}
	return page("policy", "Policy", "What the annotated policies do.", []variable{chooser("rpc_method", "RPC", names, true)}, charts...)
}

func fleet(q promql.Queries) Dashboard {
	by := func(metric string) string { return "sum by (instance) (" + q.Select(metric) + ")" }
	const legend = "{{instance}}"
	return page("fleet", "Fleet", "The gateways beside each other.", nil,
		chart{"Gateways", "That Prometheus reaches.", plain, "", []query{{"sum(" + q.Select("up") + ")", "up"}}},
		chart{"Dependencies", "1: it serves. The lowest that a gateway has found.", plain, "", []query{{
			"min by (venta_dependency_name) (" + q.Select("venta_dependency_healthy") + ")", "{{venta_dependency_name}}",
		}}},
		chart{"Configuration", "1: what is written is what runs.", plain, "", []query{{by("venta_config_current"), legend}}},
		chart{"Age of the configuration", "Since it was last read and accepted.", seconds, "", []query{{
			"time() - max by (instance) (" + q.Select("venta_config_loaded_timestamp_seconds") + ")", legend,
		}}},
		chart{"Fields that wait for a restart", "What is written runs only in part.", plain, "", []query{{by("venta_config_restart_pending"), legend}}},
		chart{"Until it expires", "The least that any gateway shows, by the field of the file.", seconds, "bargauge", []query{{
			"sort(min by (venta_credential_name) (" + q.Select("venta_credential_expiry_timestamp_seconds") + ") - time())", "{{venta_credential_name}}",
		}}},
		chart{"Disk", "The share that is free, of the data folder and of the audit log.", share, "", []query{{
			"sum by (instance, venta_filesystem_name) (" + q.Select("system_filesystem_usage_bytes", `system_filesystem_state="free"`) + ")\n/\n" +
				"sum by (instance, venta_filesystem_name) (" + q.Select("system_filesystem_limit_bytes") + ")", legend + " {{venta_filesystem_name}}",
		}}},
		chart{"Requests", "", perSecond, "", []query{{q.Requests("rate", "instance", window), legend}}},
		chart{"Failures", "Requests with a status of 500 and more, or without a response.", perSecond, "", []query{{q.Requests("rate", "instance", window, promql.Failed), legend}}},
		chart{"Latency", "P95.", seconds, "", []query{{q.RequestQuantile(0.95, "instance", window), legend}}},
		chart{"Processor", "Processors that a gateway keeps busy.", plain, "", []query{{q.Sum("rate", "process_cpu_seconds_total", "instance", window), legend}}},
		chart{"Memory", "Resident, and in use by Go.", bytes, "", []query{
			{by("process_resident_memory_bytes"), legend + " resident"}, {by("go_memstats_heap_inuse_bytes"), legend + " heap"},
		}},
		chart{"Goroutines", "", plain, "", []query{{by("go_goroutines"), legend}}},
		chart{"Open files", "The share of what the process may open.", share, "", []query{{
			by("process_open_fds") + " / " + by("process_max_fds"), legend,
		}}},
		chart{"Clients' connections", "", plain, "", []query{{
			"sum by (instance, venta_listener) (" + q.Select("venta_listener_connections") + ")", legend + " {{venta_listener}}",
		}}},
		chart{"Clients' new connections", "Nearly as many as requests: they keep none.", perSecond, "", []query{{
			q.Sum("rate", "venta_listener_accepted_total", "instance, venta_listener", window), legend + " {{venta_listener}}",
		}}},
		chart{"Network", "From and to clients.", bytesPerSecond, "", []query{{
			q.Sum("rate", "venta_listener_io_bytes_total", "instance, network_io_direction", window), legend + " {{network_io_direction}}",
		}}},
		chart{"Network of upstreams", "", bytesPerSecond, "", []query{{
			q.Sum("rate", "venta_upstream_io_bytes_total", "venta_upstream_name, network_io_direction", window), "{{venta_upstream_name}} {{network_io_direction}}",
		}}},
		chart{"Connections to upstreams", "By state.", plain, "", []query{{
			"sum by (venta_upstream_name, venta_connection_state) (" + q.Select("venta_upstream_connections") + ")", "{{venta_upstream_name}} {{venta_connection_state}}",
		}}},
		chart{"Calls under way", "By upstream.", plain, "", []query{{
			"sum by (venta_upstream_name) (" + q.Select("venta_upstream_in_flight") + ")", "{{venta_upstream_name}}",
		}}},
	)
}

// byService puts names of RPCs together by their service.
func byService(names []string) [][]string {
	var all [][]string
	for _, name := range names {
		if last := len(all) - 1; last >= 0 && service(all[last][0]) == service(name) {
			all[last] = append(all[last], name)
		} else {
			all = append(all, []string{name})
		}
	}
	return all
}

func before(text, separator string) string {
	text, _, _ = strings.Cut(text, separator)
	return text
}
