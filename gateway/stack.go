package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/recovery"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/timeout"
	"github.com/venta-hq/venta/gateway/transcode"
)

// The way of a request. Every request passes
//
//	telemetry (request id, span, metrics, access log) -> recover
//	-> security headers -> CORS -> compression -> route
//
// (serverStack), then, by its route's policy,
//
//	version headers -> size limit -> rate limits keyed by the connection
//	-> authenticate, authorize -> rate limits keyed by principal or field
//	-> invalidate -> cache (a fresh hit ends here, a stale one stands in for a
//	failure) -> decode
//
// (requestStack), and at last, around the upstream call,
//
//	validate -> concurrency
//	-> timeout( retry or hedge( circuit breaker( per-attempt timeout( telemetry( call )))))
//
// (callStack). Each step is a policy package's middleware or interceptor; a
// block that is absent costs nothing.

// middleware is a step in front of the edge.
type middleware = func(http.Handler) http.Handler

// serverStack stands in front of all routes.
func (g *Gateway) serverStack(routes http.Handler) http.Handler {
	return wrap(routes,
		telemetry.Middleware(g.telemetry),
		recovery.New(g.options.Logger, g.refuse),
		securityHeaders,
		g.cors(),
		g.compress,
	)
}

// requestStack stands between a method's routes and their edge. Its steps hold
// the method's state (counts, stored answers), which all of its routes share.
func (reg *registrar) requestStack(s Service, m Method) ([]middleware, error) {
	b := builder{registrar: reg, method: s.transcoded(m), policy: m.Policy}
	steps := []middleware{
		b.version(),
		b.sizeLimit(),
		b.rateLimits("rate_limits/connection", byConnection),
		b.auth(),
		b.rateLimits("rate_limits/request", byRequest),
		b.invalidates(),
		b.cache(),
		b.streamEnd(),
	}
	return steps, errors.Join(b.errs...)
}

// callStack stands between the edge and the upstream.
func (reg *registrar) callStack(s Service, m Method, conn grpc.ClientConnInterface) (transcode.Invoker, error) {
	var steps callSteps
	p := m.Policy
	if reg.validate != nil {
		steps.add(reg.validate, nil)
	}
	if p.Concurrency != nil {
		steps.add(reg.concurrency(s, m))
	}
	if p.Timeout != nil {
		steps.add(timeout.New(*p.Timeout, timeout.Options{}))
	}
	if p.Retry != nil {
		steps.add(reg.retry(s, m))
	}
	if p.Hedge != nil {
		steps.add(reg.hedge(s, m))
	}
	if p.CircuitBreaker != nil {
		steps.add(reg.circuitBreaker(s, m))
	}
	if p.Retry != nil && p.Retry.PerAttemptTimeout > 0 {
		steps.add(timeout.PerAttempt(p.Retry.PerAttemptTimeout, timeout.Options{}))
	}
	if reg.gateway.observesCalls() {
		steps.add(telemetry.UnaryClientInterceptor(reg.gateway.telemetry), nil)
	}
	return intercept(reg.upstream(p.Limits, conn), steps.steps), errors.Join(steps.errs...)
}

// callSteps collects the steps around a call, the first outermost, and the
// errors of those that could not be built.
type callSteps struct {
	steps []grpc.UnaryClientInterceptor
	errs  []error
}

func (c *callSteps) add(step grpc.UnaryClientInterceptor, err error) {
	if err != nil {
		c.errs = append(c.errs, err)
		return
	}
	c.steps = append(c.steps, step)
}

// wrap puts steps around a handler, the first outermost. A nil step is absent.
func wrap(h http.Handler, steps ...middleware) http.Handler {
	for _, step := range slices.Backward(steps) {
		if step != nil {
			h = step(h)
		}
	}
	return h
}

// intercept puts steps around a call, the first outermost.
func intercept(call grpc.UnaryInvoker, steps []grpc.UnaryClientInterceptor) transcode.Invoker {
	for _, step := range slices.Backward(steps) {
		next := call
		call = func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
			return step(ctx, method, req, reply, cc, next, opts...)
		}
	}
	return func(ctx context.Context, method string, request, response any, opts ...grpc.CallOption) error {
		return call(ctx, method, request, response, nil, opts...)
	}
}
