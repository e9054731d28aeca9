package assembly

import (
	"context"
	"net/http"
	"slices"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/internal/forward"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/upstream"
)

// What the policies tell of their decisions becomes metrics, span events and log
// lines here. Without a MeterProvider the metrics are nil, which count nothing.

// onShadow returns the observer of what a block of the RPC in shadow mode would
// have done: a metric, and an event of the request's span.
func (b *builder) onShadow(block string) policy.ShadowFunc {
	metrics, method := b.env.Telemetry.Metrics, b.rpc.Method.FullName
	return func(ctx context.Context, would string) {
		metrics.Shadow(method, block, would)
		telemetry.Shadowed(ctx, block, would, "")
	}
}

// telemetryOfCalls is what the interceptors around calls observe by. Where nobody
// wants to know of calls, the access log alone does.
func (env *Environment) telemetryOfCalls() telemetry.Options {
	if !env.ObserveCalls {
		return telemetry.Options{}
	}
	o := env.Telemetry
	o.MetadataAtEdge = !env.Edge.DropIn
	return o
}

// outgoing returns what the gateway itself tells upstreams with a call, beside where
// the request comes from; nil where it tells nothing. No client can write it, so
// that it is in no key of a stored response. On a drop-in a call has what
// grpc-gateway sends, and the interceptors write the trace.
func (env *Environment) outgoing() func(context.Context, []string) []string {
	if env.Edge.DropIn {
		return nil
	}
	if carry := telemetry.Metadata(env.Telemetry); carry != nil && env.ObserveCalls {
		return func(ctx context.Context, pairs []string) []string { return carry(ctx, requestID(ctx, pairs)) }
	}
	return requestID
}

// requestID tells the request's id, as clients, logs and spans have it.
func requestID(ctx context.Context, pairs []string) []string {
	if id := telemetry.RequestID(ctx); id != "" {
		return forward.Set(pairs, "x-request-id", id)
	}
	return pairs
}

// onRateLimit returns the observer of a method's limits.
func (env *Environment) onRateLimit(method string, limits []policy.RateLimit) func(*http.Request, string, ratelimit.Decision) {
	metrics := env.Telemetry.Metrics
	return func(r *http.Request, limit string, d ratelimit.Decision) {
		metrics.RateLimit(method, limit, d.Allowed)
		switch {
		case d.Allowed:
		case shadowed(limits, limit):
			telemetry.Shadowed(r.Context(), "rate_limits", "refuse", limit)
		default:
			telemetry.LimitedBy(r.Context(), limit)
		}
	}
}

// shadowed reports whether the limit of that name only counts.
func shadowed(limits []policy.RateLimit, name string) bool {
	return slices.ContainsFunc(limits, func(l policy.RateLimit) bool { return l.Name == name && l.Shadow })
}

// onCache returns the observer of a method's stored responses.
func (env *Environment) onCache(method string) func(*http.Request, cache.Outcome) {
	metrics := env.Telemetry.Metrics
	return func(r *http.Request, o cache.Outcome) {
		metrics.CacheRequest(method, string(o))
		telemetry.CachedAs(r.Context(), string(o))
	}
}

// onCacheEvent returns the observer of what was refused, left out or refreshed.
func (env *Environment) onCacheEvent(method string) func(*http.Request, cache.Event) {
	metrics := env.Telemetry.Metrics
	return func(_ *http.Request, e cache.Event) { metrics.CacheEvent(method, string(e)) }
}

func (env *Environment) onShed(_ context.Context, method string, c policy.Criticality) {
	env.Telemetry.Metrics.Shed(method, string(c))
}

func (env *Environment) onAttempt(ctx context.Context, a retry.Attempt) {
	verdict := a.Verdict.String()
	env.Telemetry.Metrics.RetryAttempt(a.Method, verdict)
	if a.Verdict != retry.Final {
		telemetry.Retried(ctx, a.Number, verdict)
	}
}

// onTransition observes a breaker's transition: a metric, a line of the log, and an
// event of the span of the call that brought it about.
func (env *Environment) onTransition(ctx context.Context, t circuitbreaker.Transition) {
	from, to := t.From.String(), t.To.String()
	env.Telemetry.Metrics.BreakerTransition(t.Name, from, to)
	env.Logger.Warn("circuit breaker changed", "breaker", t.Name, "from", from, "to", to)
	telemetry.BreakerTurned(ctx, t.Name, from, to, "")
}

// onEjection observes the breaker of one address, as onTransition others.
func (env *Environment) onEjection(ctx context.Context, e upstream.Ejection) {
	from, to := e.From.String(), e.To.String()
	env.Telemetry.Metrics.BreakerTransition(e.Group, from, to)
	env.Logger.Warn("address ejected or returned", "method", e.Group, "address", e.Address,
		"from", from, "to", to, "shadow", e.Shadow)
	telemetry.BreakerTurned(ctx, e.Group, from, to, e.Address)
}
