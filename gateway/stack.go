package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/recovery"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
)

// The way of a request. Every request passes
//
//	telemetry (request id, span, metrics, access log) -> recover
//	-> Middleware.BeforeRouting -> security headers -> CORS -> compression -> route
//
// (serverStack), then, by its route's policy,
//
//	version headers -> size limit -> rate limits keyed by the connection
//	-> Middleware.BeforeAuth -> authenticate, authorize -> Middleware.AfterAuth
//	-> rate limits keyed by principal or field -> invalidate by tags
//	-> invalidate by target -> cache (a fresh hit ends here, a stale one stands in
//	for a failure) -> end with the process (streams) -> decode
//
// (requestStack), and at last, around the upstream call,
//
//	Interceptors.Call -> validate -> concurrency
//	-> timeout( spread attempts -> retry or hedge( circuit breaker(
//	per-attempt timeout( telemetry( Interceptors.Attempt -> call )))))
//
// (callStack), or around a stream
//
//	Interceptors.StreamCall -> concurrency
//	-> timeout( circuit breaker( telemetry( Interceptors.StreamAttempt -> stream )))
//
// (streamStack). Each step is a policy package's middleware or interceptor; a
// block that is absent costs nothing.

// middleware is a step in front of the edge.
type middleware = func(http.Handler) http.Handler

// serverStack stands in front of all routes.
func (g *Gateway) serverStack(routes http.Handler) http.Handler {
	return wrap(routes,
		telemetry.Middleware(g.telemetry),
		recovery.New(g.options.Logger, g.refuse),
		together(g.options.Middleware.BeforeRouting),
		securityHeaders,
		g.cors,
		g.compress,
	)
}

// requestStack stands between a method's routes and their edge. Its steps hold
// the method's state (counts, stored answers), which all of its routes share.
func (reg *registrar) requestStack(s Service, m Method) ([]middleware, error) {
	b := reg.builder(s, m)
	steps := []middleware{
		b.version(),
		b.sizeLimit(),
		b.rateLimits("rate_limits/connection", byConnection),
		b.beforeAuth(),
		b.auth(),
		b.afterAuth(),
		b.rateLimits("rate_limits/request", byRequest),
		b.invalidates(),
		b.invalidatesTargets(),
		b.cache(),
		b.streamEnd(),
	}
	return steps, errors.Join(b.errs...)
}

// callStack stands between the edge and the upstream.
func (reg *registrar) callStack(s Service, m Method, conn grpc.ClientConnInterface) (transcode.Invoker, error) {
	b := reg.builder(s, m)
	b.conn = conn
	steps := []grpc.UnaryClientInterceptor{
		b.aroundCall(),
		reg.validate,
		b.concurrency(),
		b.timeout(),
		b.spreadAttempts(),
		b.retry(),
		b.hedge(),
		b.circuitBreaker(),
		b.perAttemptTimeout(),
		b.callTelemetry(),
		b.aroundAttempt(),
	}
	return intercept(b.upstream(), steps), errors.Join(b.errs...)
}

// streamStack stands between the edge and the upstream's stream. It returns nil
// for a connection that has no streams.
func (reg *registrar) streamStack(s Service, m Method, conn grpc.ClientConnInterface) (transcode.Opener, error) {
	b := reg.builder(s, m)
	b.conn = conn
	open := b.upstreamStream()
	if open == nil {
		return nil, nil
	}
	steps := []grpc.StreamClientInterceptor{
		b.aroundStreamCall(),
		b.streamConcurrency(),
		b.streamTimeout(),
		b.streamBreaker(),
		b.streamTelemetry(),
		b.aroundStreamAttempt(),
	}
	return interceptStream(open, steps), errors.Join(b.errs...)
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

// intercept puts steps around a call, the first outermost. A nil step is absent.
func intercept(call grpc.UnaryInvoker, steps []grpc.UnaryClientInterceptor) transcode.Invoker {
	for _, step := range slices.Backward(steps) {
		if step == nil {
			continue
		}
		next := call
		call = func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
			return step(ctx, method, req, reply, cc, next, opts...)
		}
	}
	return func(ctx context.Context, method string, request, response any, opts ...grpc.CallOption) error {
		return call(ctx, method, request, response, nil, opts...)
	}
}

// interceptStream puts steps around a stream, the first outermost. A nil step is
// absent.
func interceptStream(open transcode.Opener, steps []grpc.StreamClientInterceptor) transcode.Opener {
	for _, step := range slices.Backward(steps) {
		if step == nil {
			continue
		}
		next := open
		streamer := func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return next(ctx, desc, method, opts...)
		}
		open = func(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return step(ctx, desc, nil, method, streamer, opts...)
		}
	}
	return open
}
