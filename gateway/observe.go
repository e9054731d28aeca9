package gateway

import (
	"context"
	"net/http"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/retry"
)

// What the policies tell of their decisions becomes metrics here. Without a
// MeterProvider the metrics are nil, which count nothing.

// observesCalls reports whether somebody wants to know of upstream calls.
func (g *Gateway) observesCalls() bool {
	return g != nil && (g.options.MeterProvider != nil || g.options.TracerProvider != nil)
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

// newBreaker makes a breaker whose state is a metric and whose changes are
// events in the log.
func (reg *registrar) newBreaker(name string, p policy.CircuitBreaker) (*circuitbreaker.Breaker, error) {
	g := reg.gateway
	breaker, err := circuitbreaker.New(p, circuitbreaker.Options{
		Name: name,
		OnStateChange: func(name string, from, to circuitbreaker.State) {
			g.telemetry.Metrics.BreakerTransition(name, from.String(), to.String())
			g.options.Logger.Warn("circuit breaker changed", "breaker", name, "from", from.String(), "to", to.String())
		},
	})
	if err != nil {
		return nil, err
	}
	reg.parts.adopted = append(reg.parts.adopted, func() {
		g.telemetry.Metrics.ObserveBreaker(name, func() string { return breaker.State().String() })
	})
	return breaker, nil
}
