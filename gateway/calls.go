package gateway

import (
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/timeout"
)

// The steps around a call to the upstream.

// concurrency bounds the calls in flight.
func (b *builder) concurrency() grpc.UnaryClientInterceptor {
	limiter := b.limiter()
	if limiter == nil {
		return nil
	}
	return limiter.UnaryClientInterceptor(b.policy.Concurrency.Criticality)
}

func (b *builder) streamConcurrency() grpc.StreamClientInterceptor {
	limiter := b.limiter()
	if limiter == nil {
		return nil
	}
	return limiter.StreamClientInterceptor(b.policy.Concurrency.Criticality)
}

// limiter returns the method's limiter, or the one that its service shares.
func (b *builder) limiter() *concurrency.Limiter {
	if b.policy.Concurrency == nil {
		return nil
	}
	p := *b.policy.Concurrency
	name := b.scope(p.PerService)
	p.Criticality = "" // each RPC's own
	return remembered(b, name, "concurrency", p, func() (*concurrency.Limiter, error) {
		return concurrency.New(p, concurrency.Options{
			OnShed:    b.gateway.countShed,
			OnShadow:  b.shadow("concurrency"),
			Sanitized: b.plain(),
		})
	})
}

// timeout bounds the whole call, all attempts included.
func (b *builder) timeout() grpc.UnaryClientInterceptor {
	if b.policy.Timeout == nil {
		return nil
	}
	return built(b, func() (grpc.UnaryClientInterceptor, error) {
		return timeout.New(*b.policy.Timeout, timeout.Options{OnShadow: b.shadow("timeout")})
	})
}

func (b *builder) streamTimeout() grpc.StreamClientInterceptor {
	if b.policy.Timeout == nil {
		return nil
	}
	return built(b, func() (grpc.StreamClientInterceptor, error) {
		return timeout.NewStream(*b.policy.Timeout, timeout.Options{OnShadow: b.shadow("timeout")})
	})
}

// perAttemptTimeout bounds each attempt.
func (b *builder) perAttemptTimeout() grpc.UnaryClientInterceptor {
	p := b.policy.Retry
	if p == nil || p.PerAttemptTimeout == 0 || p.Shadow {
		return nil
	}
	return built(b, func() (grpc.UnaryClientInterceptor, error) {
		return timeout.PerAttempt(p.PerAttemptTimeout, timeout.Options{})
	})
}

// retry repeats failed calls, within the method's budget.
func (b *builder) retry() grpc.UnaryClientInterceptor {
	if b.policy.Retry == nil {
		return nil
	}
	p := *b.policy.Retry
	// Only the budget passes on: the breaker may be another one next time.
	budget := remembered(b, b.scope(false), "retry", p, func() (*retry.Budget, error) {
		return retry.NewBudget(p.Budget)
	})
	if budget == nil {
		return nil
	}
	return built(b, func() (grpc.UnaryClientInterceptor, error) {
		return retry.New(p, retry.Options{
			Budget: budget, CircuitOpen: b.circuitOpen(), OnAttempt: b.gateway.countAttempt, OnShadow: b.shadow("retry"),
		})
	})
}

// circuitOpen reports whether the method's breaker is open, so that no call waits
// for its refusal. It is nil where no breaker refuses all attempts at once: with one
// for each address the next attempt may go to another.
func (b *builder) circuitOpen() func() bool {
	if p := b.policy.CircuitBreaker; p == nil || p.Shadow || b.perEndpoint() {
		return nil
	}
	breaker := b.breaker()
	if breaker == nil {
		return nil
	}
	return func() bool { return breaker.State() == circuitbreaker.Open }
}

// hedge races slow calls, within the method's budget.
func (b *builder) hedge() grpc.UnaryClientInterceptor {
	if b.policy.Hedge == nil {
		return nil
	}
	p := *b.policy.Hedge
	return remembered(b, b.scope(false), "hedge", p, func() (grpc.UnaryClientInterceptor, error) {
		return retry.NewHedge(p, retry.HedgeOptions{
			Replies: replies{}, OnAttempt: b.gateway.countAttempt, OnShadow: b.shadow("hedge"),
		})
	})
}

// circuitBreaker refuses calls while the upstream fails.
func (b *builder) circuitBreaker() grpc.UnaryClientInterceptor {
	if b.perEndpoint() {
		if group := b.endpoints(); group != nil {
			return group.UnaryClientInterceptor()
		}
		return nil
	}
	breaker := b.breaker()
	if breaker == nil {
		return nil
	}
	return breaker.UnaryClientInterceptor()
}

func (b *builder) streamBreaker() grpc.StreamClientInterceptor {
	if b.perEndpoint() {
		if group := b.endpoints(); group != nil {
			return group.StreamClientInterceptor()
		}
		return nil
	}
	breaker := b.breaker()
	if breaker == nil {
		return nil
	}
	return breaker.StreamClientInterceptor()
}

// perEndpoint tells whether each upstream address has a breaker of its own.
func (b *builder) perEndpoint() bool {
	p := b.policy.CircuitBreaker
	return p != nil && p.Scope == policy.BreakerPerEndpoint
}

// breaker returns the method's breaker, or the one that its service shares.
func (b *builder) breaker() *circuitbreaker.Breaker {
	p := b.policy.CircuitBreaker
	if p == nil {
		return nil
	}
	name := b.scope(p.Scope == policy.BreakerPerService)
	return remembered(b, name, "circuit_breaker", *p, func() (*circuitbreaker.Breaker, error) {
		return b.newBreaker(name, *p)
	})
}

// callTelemetry observes each attempt.
func (b *builder) callTelemetry() grpc.UnaryClientInterceptor {
	if !b.gateway.observesCalls() {
		return nil
	}
	return telemetry.UnaryClientInterceptor(b.registrar.callTelemetry())
}

// streamTelemetry observes each stream.
func (b *builder) streamTelemetry() grpc.StreamClientInterceptor {
	if !b.gateway.observesCalls() {
		return nil
	}
	return telemetry.StreamClientInterceptor(b.registrar.callTelemetry())
}
