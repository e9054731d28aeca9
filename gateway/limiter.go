package gateway

import (
	"fmt"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/concurrency"
)

// concurrency returns the step that bounds a method's calls in flight, by a
// limiter of its own or the one of its service.
func (reg *registrar) concurrency(s Service, m Method) (grpc.UnaryClientInterceptor, error) {
	limiter, err := reg.limiter(s, m)
	if err != nil {
		return nil, fmt.Errorf("concurrency: %w", err)
	}
	return limiter.UnaryClientInterceptor(m.Policy.Concurrency.Criticality), nil
}

func (reg *registrar) limiter(s Service, m Method) (*concurrency.Limiter, error) {
	p := *m.Policy.Concurrency
	name := s.Name + "." + m.Name
	if p.PerService {
		name = s.Name
	}
	shared := p
	shared.Criticality = "" // each RPC's own
	return keep(reg.parts, name+"/concurrency", shared, func() (*concurrency.Limiter, error) {
		return concurrency.New(p, concurrency.Options{})
	})
}
