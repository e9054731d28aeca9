package gateway

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// What the policies tell of their decisions becomes metrics here. Without a
// MeterProvider the metrics are nil, which count nothing.

// observesCalls reports whether somebody wants to know of upstream calls.
func (g *Gateway) observesCalls() bool {
	return g != nil && (g.options.MeterProvider != nil || g.options.TracerProvider != nil)
}

// callTelemetry is what the interceptors around calls observe by.
func (reg *registrar) callTelemetry() telemetry.Options {
	o := reg.gateway.telemetry
	o.MetadataAtEdge = reg.plain()
	return o
}

// outgoing returns what writes the trace into the metadata of calls at the edge;
// nil where the interceptors do that, or nobody.
func (reg *registrar) outgoing() func(context.Context, []string) []string {
	if !reg.plain() || !reg.gateway.observesCalls() {
		return nil
	}
	return telemetry.Metadata(reg.gateway.telemetry)
}

// shadow returns the observer of what a block of the method in shadow mode would
// have done: a metric, and an event of the request's span.
func (b *builder) shadow(block string) policy.ShadowFunc {
	metrics, method := b.gateway.telemetry.Metrics, b.method.FullName
	return func(ctx context.Context, would string) {
		metrics.Shadow(method, block, would)
		if span := trace.SpanFromContext(ctx); span.IsRecording() {
			span.AddEvent("venta.policy.shadow", trace.WithAttributes(
				attribute.String("venta.policy.name", block), attribute.String("venta.policy.would", would)))
		}
	}
}

// noteTransition notes a transition on the span of the call that brought it about.
func noteTransition(ctx context.Context, t circuitbreaker.Transition) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.AddEvent("venta.circuit_breaker.transition", trace.WithAttributes(
			attribute.String("venta.circuit_breaker.name", t.Name),
			attribute.String("venta.circuit_breaker.previous_state", t.From.String()),
			attribute.String("venta.circuit_breaker.state", t.To.String())))
	}
}

func (g *Gateway) countShed(_ context.Context, method string, c policy.Criticality) {
	g.telemetry.Metrics.Shed(method, string(c))
}

func (g *Gateway) countAttempt(_ context.Context, a retry.Attempt) {
	g.telemetry.Metrics.RetryAttempt(a.Method, a.Verdict.String())
}

// countRateLimit returns the observer of a method's limits.
func (g *Gateway) countRateLimit(method string) func(*http.Request, string, ratelimit.Decision) {
	if g.telemetry.Metrics == nil {
		return nil
	}
	return func(_ *http.Request, limit string, d ratelimit.Decision) {
		g.telemetry.Metrics.RateLimit(method, limit, d.Allowed)
	}
}

// countCache returns the observer of a method's stored answers.
func (g *Gateway) countCache(method string) func(*http.Request, cache.Outcome) {
	if g.telemetry.Metrics == nil {
		return nil
	}
	return func(_ *http.Request, o cache.Outcome) { g.telemetry.Metrics.CacheRequest(method, string(o)) }
}

// newBreaker makes a breaker whose state is a metric and whose transitions are
// events in the log.
func (b *builder) newBreaker(name string, p policy.CircuitBreaker) (*circuitbreaker.Breaker, error) {
	g := b.gateway
	breaker, err := circuitbreaker.New(p, circuitbreaker.Options{
		Name:     name,
		OnShadow: b.shadow("circuit_breaker"),
		OnTransition: func(ctx context.Context, t circuitbreaker.Transition) {
			noteTransition(ctx, t)
			g.telemetry.Metrics.BreakerTransition(t.Name, t.From.String(), t.To.String())
			g.options.Logger.Warn("circuit breaker changed", "breaker", t.Name, "from", t.From.String(), "to", t.To.String())
		},
	})
	if err != nil {
		return nil, err
	}
	b.parts.adopted = append(b.parts.adopted, func() {
		g.telemetry.Metrics.ObserveBreaker(name, func() string { return breaker.State().String() })
	})
	return breaker, nil
}
