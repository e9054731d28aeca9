package gateway

import (
	"errors"
	"fmt"
	"net/http"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/internal/assembly"
)

// Middleware are steps of a program's own in front of the upstream's call, at
// named places of the stack that internal/assembly/stack.go draws. Within a place the first is
// outermost. They run concurrently. A panic in one becomes INTERNAL and is
// logged; [Gateway.WriteError] writes their own errors as the gateway writes its.
//
// Services that are registered on a grpc-gateway mux have BeforeAuth and AfterAuth
// alone: in front of them the mux is the program's, and so is what recovers.
type Middleware struct {
	// BeforeRouting sees every request, those without a route and browsers'
	// preflights included, and the response as it is sent: CORS and compression are
	// inside. The security headers are set, and may be changed.
	BeforeRouting []func(http.Handler) http.Handler
	// BeforeAuth sees the requests of a route that the limits by connection have
	// admitted, before anything of their credentials is believed.
	BeforeAuth []func(http.Handler) http.Handler
	// AfterAuth sees what is authorized; [auth.FromContext] tells for whom. It is in
	// front of the limits by principal and of the cache. An RPC without
	// authentication has it, too.
	AfterAuth []func(http.Handler) http.Handler
}

// Interceptors are steps of a program's own around calls to upstreams. Within a
// place the first is outermost. They run concurrently, those of attempts also for
// one call (hedging), and then on goroutines that may outlive the call.
//
// What they return as a gRPC status or an [apierror.Error] reaches the client as
// it is. Any other error, and a panic, becomes INTERNAL and is logged.
type Interceptors struct {
	// Call is around a unary call with all its attempts. What it makes of the
	// request is still validated; no policy bounds its time.
	Call []grpc.UnaryClientInterceptor
	// Attempt is around each attempt of a unary call, within its timeouts and its
	// span. To the retry, the hedge and the breaker it is a part of the upstream.
	Attempt []grpc.UnaryClientInterceptor
	// StreamCall is around a stream, outside of the policies that bound it.
	StreamCall []grpc.StreamClientInterceptor
	// StreamAttempt is around a stream within these policies and its span.
	StreamAttempt []grpc.StreamClientInterceptor
}

// validate refuses steps that are nil, which would else be missing in silence.
func (m Middleware) validate() error {
	return errors.Join(
		noNil("Middleware.BeforeRouting", len(m.BeforeRouting), func(i int) bool { return m.BeforeRouting[i] == nil }),
		noNil("Middleware.BeforeAuth", len(m.BeforeAuth), func(i int) bool { return m.BeforeAuth[i] == nil }),
		noNil("Middleware.AfterAuth", len(m.AfterAuth), func(i int) bool { return m.AfterAuth[i] == nil }),
	)
}

func (i Interceptors) validate() error {
	return errors.Join(
		noNil("Interceptors.Call", len(i.Call), func(n int) bool { return i.Call[n] == nil }),
		noNil("Interceptors.Attempt", len(i.Attempt), func(n int) bool { return i.Attempt[n] == nil }),
		noNil("Interceptors.StreamCall", len(i.StreamCall), func(n int) bool { return i.StreamCall[n] == nil }),
		noNil("Interceptors.StreamAttempt", len(i.StreamAttempt), func(n int) bool { return i.StreamAttempt[n] == nil }),
	)
}

func noNil(field string, n int, isNil func(int) bool) error {
	for i := range n {
		if isNil(i) {
			return fmt.Errorf("%s[%d] is nil; leave it out", field, i)
		}
	}
	return nil
}

// in puts the steps into an environment.
func (m Middleware) in(env *assembly.Environment) {
	env.BeforeRouting = assembly.Together(m.BeforeRouting)
	env.BeforeAuth = assembly.Together(m.BeforeAuth)
	env.AfterAuth = assembly.Together(m.AfterAuth)
}

func (i Interceptors) in(env *assembly.Environment) {
	env.AroundCall = assembly.Around(i.Call, env.Logger)
	env.AroundAttempt = assembly.Around(i.Attempt, env.Logger)
	env.AroundStream = assembly.AroundStream(i.StreamCall, env.Logger)
	env.AroundStreamAttempt = assembly.AroundStream(i.StreamAttempt, env.Logger)
}
