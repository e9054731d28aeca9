package assembly

import (
	"context"
	"errors"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/upstream"
)

// addressed is a connection that knows its addresses: an *upstream.Conn.
type addressed interface {
	NewGroup(upstream.GroupOptions) (*upstream.Group, error)
}

var errNoAddresses = errors.New("scope ENDPOINT needs a connection of upstream.New, which knows the addresses; use one, or scope METHOD")

// endpoints returns the breakers of an RPC, one for each upstream address.
func (b *builder) endpoints() *upstream.Group {
	p := *b.rpc.Policy.CircuitBreaker
	return remembered[*upstream.Group](b, b.rpc.Name, "circuit_breaker", p, func() (*part, error) {
		to, ok := b.rpc.Conn.(addressed)
		if !ok {
			return nil, errNoAddresses
		}
		group, err := to.NewGroup(upstream.GroupOptions{
			Name: b.rpc.Name, Shadow: p.Shadow, OnShadow: b.onShadow("circuit_breaker"), OnEjection: b.env.onEjection,
			NewBreaker: func(address string, changed func(ctx context.Context, from, to upstream.State)) (upstream.Breaker, error) {
				return newEndpointBreaker(p, address, changed)
			},
		})
		if err != nil {
			return nil, err
		}
		return &part{value: group, dropped: group.Close}, nil
	})
}

// endpointBreaker is a circuit breaker of one address.
type endpointBreaker struct{ breaker *circuitbreaker.Breaker }

func newEndpointBreaker(p policy.CircuitBreaker, address string, changed func(ctx context.Context, from, to upstream.State)) (upstream.Breaker, error) {
	breaker, err := circuitbreaker.New(p, circuitbreaker.Options{
		Name:         address,
		OnTransition: func(ctx context.Context, t circuitbreaker.Transition) { changed(ctx, t.From, t.To) },
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
	p.permit.DoneIn(ctx, p.breaker.OutcomeOf(ctx, err))
}

func (p *endpointPermit) Release() { p.permit.Done(circuitbreaker.Ignored) }
