package gateway

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/upstream"
)

// addressed is a connection that knows its addresses: an *upstream.Conn.
type addressed interface {
	NewGroup(upstream.GroupOptions) (*upstream.Group, error)
}

var errNoAddresses = errors.New("scope ENDPOINT needs a connection of upstream.New, which knows the addresses; use one, or scope METHOD")

// endpoints returns the breakers of a method, one for each upstream address.
func (b *builder) endpoints() *upstream.Group {
	p := *b.policy.CircuitBreaker
	return remembered(b, b.name, "circuit_breaker", p, func() (*upstream.Group, error) {
		to, ok := b.conn.(addressed)
		if !ok {
			return nil, errNoAddresses
		}
		return to.NewGroup(upstream.GroupOptions{
			Name: b.name, Shadow: p.Shadow, OnShadow: b.shadow("circuit_breaker"), OnEjection: b.gateway.observeEjection,
			NewBreaker: func(address string, changed func(from, to upstream.State)) (upstream.Breaker, error) {
				return newEndpointBreaker(p, address, changed)
			},
		})
	})
}

// spreadAttempts sends each attempt of a call to another address.
func (b *builder) spreadAttempts() grpc.UnaryClientInterceptor {
	if _, ok := b.conn.(addressed); !ok || b.policy.Retry == nil && b.policy.Hedge == nil {
		return nil
	}
	return upstream.SpreadAttempts()
}

func (g *Gateway) observeEjection(e upstream.Ejection) {
	g.telemetry.Metrics.BreakerTransition(e.Group, e.From.String(), e.To.String())
	g.options.Logger.Warn("address ejected or returned", "method", e.Group, "address", e.Address,
		"from", e.From.String(), "to", e.To.String(), "shadow", e.Shadow)
}

// endpointBreaker is a circuit breaker of one address.
type endpointBreaker struct{ breaker *circuitbreaker.Breaker }

func newEndpointBreaker(p policy.CircuitBreaker, address string, changed func(from, to upstream.State)) (upstream.Breaker, error) {
	breaker, err := circuitbreaker.New(p, circuitbreaker.Options{
		Name:         address,
		OnTransition: func(_ context.Context, t circuitbreaker.Transition) { changed(t.From, t.To) },
	})
	if err != nil {
		return nil, err
	}
	return endpointBreaker{breaker}, nil
}

func (b endpointBreaker) State() upstream.State { return b.breaker.State() }

// Acquire refuses in shadow mode too: the group knows what to do with that.
func (b endpointBreaker) Acquire() (upstream.Permit, error) {
	permit, err := b.breaker.Acquire()
	if err != nil {
		return nil, err
	}
	return &endpointPermit{permit, b.breaker}, nil
}

type endpointPermit struct {
	permit  circuitbreaker.Permit
	breaker *circuitbreaker.Breaker
}

func (p *endpointPermit) Done(ctx context.Context, err error) {
	p.permit.Done(p.breaker.OutcomeOf(ctx, err))
}

func (p *endpointPermit) Release() { p.permit.Done(circuitbreaker.Ignored) }
