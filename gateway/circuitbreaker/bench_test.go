package circuitbreaker_test

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
)

func benchBreaker(b *testing.B) *circuitbreaker.Breaker {
	breaker, err := circuitbreaker.New(basePolicy(), circuitbreaker.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return breaker
}

func succeed(breaker *circuitbreaker.Breaker) {
	permit, err := breaker.Acquire()
	if err == nil {
		permit.Done(circuitbreaker.Success)
	}
}

func TestPermitAllocatesNothing(t *testing.T) {
	breaker := newBreaker(t, basePolicy(), circuitbreaker.Options{})
	if n := testing.AllocsPerRun(1000, func() { succeed(breaker) }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func BenchmarkPermit(b *testing.B) {
	breaker := benchBreaker(b)
	for b.Loop() {
		succeed(breaker)
	}
}

func BenchmarkPermitParallel(b *testing.B) {
	breaker := benchBreaker(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			succeed(breaker)
		}
	})
}

func BenchmarkInterceptor(b *testing.B) {
	intercept := benchBreaker(b).UnaryClientInterceptor()
	invoke := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	ctx := b.Context()
	for b.Loop() {
		_ = intercept(ctx, method, nil, nil, nil, invoke)
	}
}

func BenchmarkRefusal(b *testing.B) {
	breaker := benchBreaker(b)
	for range basePolicy().MinimumCalls {
		permit, _ := breaker.Acquire()
		permit.Done(circuitbreaker.Failure)
	}
	for b.Loop() {
		_, _ = breaker.Acquire()
	}
}
