package assembly

import (
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// callConcurrency bounds the calls in flight.
func (b *builder) callConcurrency() grpc.UnaryClientInterceptor {
	limiter := b.concurrencyLimiter()
	if limiter == nil {
		return nil
	}
	return limiter.UnaryClientInterceptor(b.rpc.Policy.Concurrency.Criticality)
}

// streamConcurrency bounds the streams, as calls that last.
func (b *builder) streamConcurrency() grpc.StreamClientInterceptor {
	limiter := b.concurrencyLimiter()
	if limiter == nil {
		return nil
	}
	return limiter.StreamClientInterceptor(b.rpc.Policy.Concurrency.Criticality)
}

// concurrencyLimiter returns the RPC's limiter, or the one that its service
// shares.
func (b *builder) concurrencyLimiter() *concurrency.Limiter {
	if b.rpc.Policy.Concurrency == nil {
		return nil
	}
	p := b.rpc.Policy.Concurrency.Limiter()
	owner := b.scope(p.PerService)
	return remembered[*concurrency.Limiter](b, owner, "concurrency", p, func() (*part, error) {
		limiter, err := concurrency.New(p, concurrency.Options{
			OnShed:    b.env.onShed,
			OnWait:    telemetry.Queued,
			OnShadow:  b.onShadow("concurrency"),
			Sanitized: true, // the edge lets nobody else write x-venta-
		})
		if err != nil {
			return nil, err
		}
		if before, ok := b.generation.predecessor(owner + "/concurrency").(*concurrency.Limiter); ok {
			limiter.Succeed(before)
		}
		return b.shownLimiter(owner, limiter), nil
	})
}

// shownLimiter makes a limiter whose load is a metric while it is in use.
func (b *builder) shownLimiter(name string, limiter *concurrency.Limiter) *part {
	metrics := b.env.Telemetry.Metrics
	return &part{
		value: limiter,
		adopted: func() {
			metrics.ObserveConcurrency(name, func() telemetry.ConcurrencyLoad { return telemetry.ConcurrencyLoad(limiter.Load()) })
		},
		dropped: func() { metrics.ForgetConcurrency(name) },
	}
}

// scope names what a part belongs to: the RPC, or its service.
func (b *builder) scope(perService bool) string {
	if perService {
		return b.rpc.Service
	}
	return b.rpc.Name
}
