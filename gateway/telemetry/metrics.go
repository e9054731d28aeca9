package telemetry

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// ScopeName is the instrumentation scope of the gateway's metrics and spans.
const ScopeName = "github.com/venta-hq/venta/gateway"

// The attributes that the semantic conventions do not have.
const (
	breakerKey   = attribute.Key("venta.circuit_breaker.name")
	stateKey     = attribute.Key("venta.circuit_breaker.state")
	fromStateKey = attribute.Key("venta.circuit_breaker.previous_state")
	limitKey     = attribute.Key("venta.rate_limit.name")
	decisionKey  = attribute.Key("venta.rate_limit.decision")
	cacheKey     = attribute.Key("venta.cache.outcome")
	verdictKey   = attribute.Key("venta.retry.verdict")
)

// Metrics are the gateway's instruments:
//
//	http.server.request.duration        histogram, s   semantic conventions for HTTP; rpc.method
//	http.server.active_requests         up-down-counter
//	venta.upstream.duration             histogram, s   semantic conventions for RPC clients
//	venta.rate_limit.decisions          counter        rpc.method, venta.rate_limit.{name,decision}
//	venta.cache.requests                counter        rpc.method, venta.cache.outcome
//	venta.retry.attempts                counter        rpc.method, venta.retry.verdict
//	venta.circuit_breaker.transitions   counter        venta.circuit_breaker.{name,previous_state,state}
//	venta.circuit_breaker.state         gauge, 0 or 1  venta.circuit_breaker.{name,state}
//	venta.policy.shadow                 counter        rpc.method, venta.policy.{name,would}
//	venta.concurrency.shed              counter        rpc.method, venta.concurrency.criticality
//	venta.cache.events                  counter        rpc.method, venta.event
//	venta.store.events                  counter        venta.store.name, venta.event
//	venta.trace.afterwards              counter        venta.trace.{reason,written}
//
// No attribute takes a value that a client chose, so the number of series is
// bounded by what is registered. Recording is safe for concurrent use and
// allocates nothing once a series is known. The methods do nothing on a nil
// *Metrics.
type Metrics struct {
	durations durations

	active      counters[series]
	rateLimits  counters[decision]
	cache       counters[cacheRequest]
	retries     counters[attempt]
	transitions counters[transition]
	breakers    breakers
	limitMemory limitMemory
	policies    policyCounters
	traced      counters[traced]

	calls *table[call, []metric.RecordOption]
}

type (
	decision struct {
		method, limit string
		allowed       bool
	}
	cacheRequest struct{ method, outcome string }
	attempt      struct{ method, verdict string }
	transition   struct{ breaker, from, to string }
)

// NewMetrics makes the instruments with a provider, once for each: two Metrics
// of one provider would report the same series. A nil provider records nothing.
// An error is the provider's.
func NewMetrics(provider metric.MeterProvider) (*Metrics, error) {
	if provider == nil {
		provider = noop.NewMeterProvider()
	}
	m := &Metrics{
		active:      newCounters(series.attributes),
		rateLimits:  newCounters(decision.attributes),
		cache:       newCounters(cacheRequest.attributes),
		retries:     newCounters(attempt.attributes),
		transitions: newCounters(transition.attributes),
		policies:    newPolicyCounters(),
		traced:      newCounters(traced.attributes),
		calls:       recordOptions(call.attributes),
	}
	meter := provider.Meter(ScopeName, metric.WithSchemaURL(semconv.SchemaURL))
	m.durations.meter, m.durations.bounds = meter, defaultBounds()
	return m, errors.Join(m.register(meter), registerTraced(meter, m.traced))
}

// register makes the instruments but for the durations. Counters are observed, not
// called: see counters.
func (m *Metrics) register(meter metric.Meter) error {
	var errs [9]error
	_, errs[0] = meter.Int64ObservableUpDownCounter("http.server.active_requests", metric.WithInt64Callback(m.active.observe),
		metric.WithUnit("{request}"), metric.WithDescription("Number of active HTTP server requests."))
	_, errs[1] = meter.Int64ObservableCounter("venta.rate_limit.decisions", metric.WithInt64Callback(m.rateLimits.observe),
		metric.WithUnit("{decision}"), metric.WithDescription("What each rate limit said of requests."))
	_, errs[2] = meter.Int64ObservableCounter("venta.cache.requests", metric.WithInt64Callback(m.cache.observe),
		metric.WithUnit("{request}"), metric.WithDescription("Requests of cached methods, by how they were served."))
	_, errs[3] = meter.Int64ObservableCounter("venta.retry.attempts", metric.WithInt64Callback(m.retries.observe),
		metric.WithUnit("{attempt}"), metric.WithDescription("Attempts of calls, by what followed from them."))
	_, errs[4] = meter.Int64ObservableCounter("venta.circuit_breaker.transitions", metric.WithInt64Callback(m.transitions.observe),
		metric.WithUnit("{transition}"), metric.WithDescription("Changes of circuit breakers' states."))
	_, errs[5] = meter.Int64ObservableGauge("venta.circuit_breaker.state", metric.WithInt64Callback(m.breakers.observe),
		metric.WithDescription("1 for the state that a circuit breaker is in, 0 for the others."))
	_, errs[6] = meter.Int64ObservableGauge("venta.rate_limit.memory", metric.WithInt64Callback(m.limitMemory.bytes),
		metric.WithUnit("By"), metric.WithDescription("Bytes that rate limits by key remember."))
	_, errs[7] = meter.Int64ObservableCounter("venta.rate_limit.displaced", metric.WithInt64Callback(m.limitMemory.displaced),
		metric.WithUnit("{key}"), metric.WithDescription("Keys of rate limits that were forgotten for others though they owed something."))
	errs[8] = m.policies.register(meter)
	return errors.Join(errs[:]...)
}

// RateLimit counts what a limit said of a request for an RPC, named as grpc-go
// names it.
func (m *Metrics) RateLimit(fullMethod, limit string, allowed bool) {
	if m != nil {
		m.rateLimits.of(decision{fullMethod, limit, allowed}).Add(1)
	}
}

// CacheRequest counts a request of a cached RPC by how it was served, such as
// "hit".
func (m *Metrics) CacheRequest(fullMethod, outcome string) {
	if m != nil {
		m.cache.of(cacheRequest{fullMethod, outcome}).Add(1)
	}
}

// RetryAttempt counts an attempt of a call by what followed from it, such as
// "retried".
func (m *Metrics) RetryAttempt(fullMethod, verdict string) {
	if m != nil {
		m.retries.of(attempt{fullMethod, verdict}).Add(1)
	}
}

// BreakerTransition counts a change of a breaker's state, such as from "closed"
// to "open".
func (m *Metrics) BreakerTransition(breaker, from, to string) {
	if m != nil {
		m.transitions.of(transition{breaker, from, to}).Add(1)
	}
}

func (d decision) attributes() []attribute.KeyValue {
	decided := "deny"
	if d.allowed {
		decided = "allow"
	}
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(d.method)), limitKey.String(d.limit), decisionKey.String(decided)}
}

func (c cacheRequest) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(c.method)), cacheKey.String(c.outcome)}
}

func (a attempt) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{semconv.RPCMethod(rpcMethod(a.method)), verdictKey.String(a.verdict)}
}

func (t transition) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{breakerKey.String(t.breaker), fromStateKey.String(t.from), stateKey.String(t.to)}
}
