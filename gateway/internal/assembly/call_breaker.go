package assembly

import (
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
)

// callBreaker refuses calls while the upstream fails.
func (b *builder) callBreaker() grpc.UnaryClientInterceptor {
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

// streamBreaker refuses streams while the upstream fails.
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
	p := b.rpc.Policy.CircuitBreaker
	return p != nil && p.Scope == policy.BreakerPerEndpoint
}

// breaker returns the RPC's breaker, or the one that its service shares.
func (b *builder) breaker() *circuitbreaker.Breaker {
	p := b.rpc.Policy.CircuitBreaker
	if p == nil {
		return nil
	}
	name := b.scope(p.Scope == policy.BreakerPerService)
	return remembered[*circuitbreaker.Breaker](b, name, "circuit_breaker", *p, func() (*part, error) {
		return b.newBreaker(name, *p)
	})
}

// newBreaker makes a breaker whose state is a metric while it is in use.
func (b *builder) newBreaker(name string, p policy.CircuitBreaker) (*part, error) {
	breaker, err := circuitbreaker.New(p, circuitbreaker.Options{
		Name:         name,
		OnShadow:     b.onShadow("circuit_breaker"),
		OnTransition: b.env.onTransition,
	})
	if err != nil {
		return nil, err
	}
	metrics := b.env.Telemetry.Metrics
	return &part{
		value:   breaker,
		adopted: func() { metrics.ObserveBreaker(name, func() string { return breaker.State().String() }) },
		dropped: func() { metrics.ForgetBreaker(name) },
	}, nil
}
