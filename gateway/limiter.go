package gateway

import (
	"errors"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
)

// sharedLimiter bounds the calls of all methods of a service that share it.
type sharedLimiter struct {
	policy  policy.Concurrency
	limiter *concurrency.Limiter
}

// concurrency returns the step that bounds a method's calls in flight.
func (g *Gateway) concurrency(s Service, m Method) (grpc.UnaryClientInterceptor, error) {
	p := *m.Policy.Concurrency
	limiter, err := g.limiter(s, p)
	if err != nil {
		return nil, err
	}
	return limiter.UnaryClientInterceptor(p.Criticality), nil
}

// limiter returns a limiter of the method's own, or the one of its service.
func (g *Gateway) limiter(s Service, p policy.Concurrency) (*concurrency.Limiter, error) {
	if !p.PerService {
		return concurrency.New(p, concurrency.Options{})
	}
	shared, ok := g.limiters[s.Name]
	if !ok {
		limiter, err := concurrency.New(p, concurrency.Options{})
		if err != nil {
			return nil, err
		}
		g.limiters[s.Name] = sharedLimiter{policy: p, limiter: limiter}
		return limiter, nil
	}
	if !shared.policy.SameLimiter(p) {
		return nil, errors.New("concurrency: scope SERVICE with settings that differ from another method's; make them equal but for the criticality")
	}
	return shared.limiter, nil
}
