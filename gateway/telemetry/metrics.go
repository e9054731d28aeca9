package telemetry

import (
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/venta-hq/venta/gateway/internal/instrument"
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

// Metrics are the gateway's instruments: those of requests, policies and calls in
// docs/metrics.md.
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
	bodies      bodies
	streams     streamCounters
	clients     clientStreams
	limiters    limiters
	cacheSize   cacheSize

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
		bodies:      newBodies(),
		streams:     newStreamCounters(),
		clients:     newClientStreams(),
		calls:       recordOptions(call.attributes),
	}
	meter := provider.Meter(ScopeName, metric.WithSchemaURL(semconv.SchemaURL))
	m.durations.meter, m.durations.bounds = meter, defaultBounds()
	return m, errors.Join(m.register(meter), m.limiters.register(meter), m.cacheSize.register(meter))
}

// register makes the instruments but for the durations. Counters are observed, not
// called: see counters.
func (m *Metrics) register(meter metric.Meter) error {
	to := instrument.Maker{Meter: meter}
	to.UpDownCounter(instrument.ActiveRequests, m.active.observe)
	to.Counter(instrument.RateLimitDecisions, m.rateLimits.observe)
	to.Gauge(instrument.RateLimitMemory, m.limitMemory.bytes)
	to.Counter(instrument.RateLimitDisplaced, m.limitMemory.displaced)
	to.Counter(instrument.CacheRequests, m.cache.observe)
	to.Counter(instrument.RetryAttempts, m.retries.observe)
	to.Gauge(instrument.BreakerState, m.breakers.observe)
	to.Counter(instrument.BreakerTransitions, m.transitions.observe)
	to.Counter(instrument.TracedAfterwards, m.traced.observe)
	m.policies.register(&to)
	m.bodies.register(&to)
	m.streams.register(&to)
	m.clients.register(&to)
	return to.Err()
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
