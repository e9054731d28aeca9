package assembly

import (
	"net/http"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/recovery"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
)

// The path of a request. Every request passes
//
//	telemetry (request id, span, metrics, access log) -> recover
//	-> security headers -> Middleware.BeforeRouting -> CORS -> compression -> route
//
// (Server), then, by its route's policy,
//
//	Cache-Control -> callers (of what is deprecated) -> version headers -> decode the body -> size limit
//	-> rate limits keyed by the connection -> Middleware.BeforeAuth -> ticket (streams) -> authenticate, authorize
//	(a webhook: verify the delivery, and find whose it is) -> caller -> Middleware.AfterAuth
//	-> Cache-Control of known callers -> rate limits keyed by principal or field
//	-> invalidate by tag -> invalidate by URI -> cache (a fresh hit ends here, a stale one stands in for
//	a failure) -> bound open streams -> end with the process (streams) -> conditions (refused, or filled into
//	the message, whoever decodes it) -> decode
//
// (requestStack), and at last, around the upstream call,
//
//	Interceptors.Call -> validate -> concurrency
//	-> timeout( spread attempts( retry( hedge( circuit breaker(
//	per-attempt timeout( telemetry( Interceptors.Attempt( call ))))))))
//
// (callStack), or around a stream
//
//	Interceptors.StreamCall -> concurrency
//	-> timeout( circuit breaker( telemetry( Interceptors.StreamAttempt( stream ))))
//
// (streamStack). Each step is a policy package's middleware or interceptor; a
// block that is absent costs nothing.
//
// Each pair of neighbours has a test in gateway/order_test.go that fails when they
// change places, but for those that a comment here says may.

// Server stands in front of all routes.
func (env *Environment) Server(routes http.Handler) http.Handler {
	return wrap(routes,
		telemetry.Middleware(env.Telemetry),
		recovery.New(env.Logger, env.WriteError, telemetry.Panicked),
		serverSecurityHeaders, // or before the recovery: a panic loses no header
		env.BeforeRouting,
		serverCORS(env.Live),
		env.Compress, // or before CORS: each adds fields of its own
	)
}

// requestStack stands between an RPC's routes and their edge. Its steps hold the
// RPC's state (counts, stored responses), which all of its routes share. Behind the
// first part it is known who sends the request: there a delivery goes over to the RPC
// that takes its event.
func (b *builder) requestStack() (front, behind []Step) {
	front = []Step{
		b.requestControl(),
		b.requestCallers(), // or before Cache-Control: it only counts
		b.requestVersion(),
		b.requestDecoding(),
		b.requestSize(),
		b.requestLimits("rate_limits/connection", byConnection), // or before the size: they read no body
		b.env.BeforeAuth,
		b.requestTicket(),
		b.requestAuth(),
		b.requestWebhook(), // or before the authentication: no RPC has both
	}
	return front, []Step{
		b.requestSender(),
		b.requestCaller(),
		b.env.AfterAuth, // or before the step that counts: what it refuses is counted, too
		b.requestControlOfCaller(),
		b.requestLimits("rate_limits/request", byRequest),
		b.requestInvalidates(),
		b.requestInvalidatesTargets(), // or before the tags: both act behind a success
		b.requestCache(),              // or before these two: what is stored is no write
		b.requestPlaces(),             // or before the cache: a stream is never stored
		b.requestStreamEnd(),          // or before the places: it refuses nothing
	}
}

// callStack stands between the edge and the upstream.
func (b *builder) callStack() transcode.Invoker {
	return intercept(b.callUpstream(), []grpc.UnaryClientInterceptor{
		b.env.AroundCall,
		b.env.Edge.Validate,
		b.callConcurrency(),
		b.callTimeout(),
		b.callSpread(), // or before the timeout: it only marks the call
		b.callRetry(),
		b.callHedge(), // or before the retry: no RPC has both
		b.callBreaker(),
		b.callAttemptTimeout(), // or before the breaker, which knows a policy's bound inside and outside
		b.callTelemetry(),      // or before that timeout: its end is the same status
		b.env.AroundAttempt,
	})
}

// streamStack stands between the edge and the upstream's stream. It returns nil
// for a connection that has no streams.
func (b *builder) streamStack() transcode.Opener {
	open := b.streamUpstream()
	if open == nil {
		return nil
	}
	return interceptStream(open, []grpc.StreamClientInterceptor{
		b.env.AroundStream,
		b.streamConcurrency(),
		b.streamTimeout(),
		b.streamBreaker(),
		b.streamTelemetry(),
		b.env.AroundStreamAttempt,
	})
}
