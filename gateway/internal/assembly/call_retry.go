package assembly

import (
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/upstream"
)

// callSpread sends each attempt of a call to another address.
func (b *builder) callSpread() grpc.UnaryClientInterceptor {
	if _, ok := b.rpc.Conn.(addressed); !ok || b.rpc.Policy.Retry == nil && b.rpc.Policy.Hedge == nil {
		return nil
	}
	return upstream.SpreadAttempts()
}

// callRetry repeats failed calls, within the RPC's budget.
func (b *builder) callRetry() grpc.UnaryClientInterceptor {
	if b.rpc.Policy.Retry == nil {
		return nil
	}
	p := *b.rpc.Policy.Retry
	budget := b.budget("retry", p, p.Budget)
	if budget == nil {
		return nil
	}
	step, err := retry.New(p, retry.Options{
		Budget: budget, CircuitOpen: b.circuitOpen(), OnAttempt: b.env.onAttempt, OnShadow: b.onShadow("retry"),
	})
	return made(b, step, err)
}

// callHedge races slow calls, within the RPC's budget.
func (b *builder) callHedge() grpc.UnaryClientInterceptor {
	if b.rpc.Policy.Hedge == nil {
		return nil
	}
	p := *b.rpc.Policy.Hedge
	budget := b.budget("hedge", p, p.Budget)
	if budget == nil {
		return nil
	}
	step, err := retry.NewHedge(p, retry.HedgeOptions{
		Budget: budget, Replies: replies{}, OnAttempt: b.env.onAttempt, OnShadow: b.onShadow("hedge"),
	})
	return made(b, step, err)
}

// budget returns the budget of a block, which is all that passes on of it: the
// breaker that a retry looks at may be another one next time.
func (b *builder) budget(block string, settings any, budget policy.RetryBudget) *retry.Budget {
	return remembered[*retry.Budget](b, b.rpc.Name, block, settings, func() (*part, error) {
		return newPart(retry.NewBudget(budget))
	})
}

// circuitOpen tells whether the RPC's breaker is open, so that no call waits for
// its refusal. It is nil where no breaker refuses all attempts at once: with one
// for each address the next attempt may go to another.
func (b *builder) circuitOpen() func() bool {
	if p := b.rpc.Policy.CircuitBreaker; p == nil || p.Shadow || b.perEndpoint() {
		return nil
	}
	breaker := b.breaker()
	if breaker == nil {
		return nil
	}
	return func() bool { return breaker.State() == circuitbreaker.Open }
}
