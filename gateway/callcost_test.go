package gateway_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/timeout"
)

// callCost is a stack of the policies around a call, as the gateway orders them.
type callCost struct {
	name  string
	steps func(testing.TB) []grpc.UnaryClientInterceptor
}

func callCosts() []callCost {
	type steps = []grpc.UnaryClientInterceptor
	return []callCost{
		{"bare", func(testing.TB) steps { return nil }},
		{"timeout", func(t testing.TB) steps { return steps{costTimeout(t)} }},
		{"retry", func(t testing.TB) steps { return steps{costRetry(t)} }},
		{"hedge", func(t testing.TB) steps { return steps{costHedge(t)} }},
		{"breaker", func(t testing.TB) steps { return steps{costBreaker(t)} }},
		{"concurrency", func(t testing.TB) steps { return steps{costConcurrency(t, policy.CriticalityDefault)} }},
		{"critical", func(t testing.TB) steps { return steps{costConcurrency(t, policy.CriticalityCritical)} }},
		{"stack with retry", retryStack},
		{"stack with hedge", func(t testing.TB) steps {
			return steps{costConcurrency(t, policy.CriticalityDefault), costTimeout(t), costHedge(t), costBreaker(t)}
		}},
	}
}

func retryStack(t testing.TB) []grpc.UnaryClientInterceptor {
	return []grpc.UnaryClientInterceptor{
		costConcurrency(t, policy.CriticalityDefault), costTimeout(t), costRetry(t), costBreaker(t),
	}
}

// TestCallCost holds the promise that timeout, retry, circuit breaker and
// concurrency together add at most five allocations to a call whose first
// attempt answers. An upstream that waits on the call's context adds those of
// its timer, which belong to package context.
func TestCallCost(t *testing.T) {
	const most = 5
	ctx := costContext(t)
	allocations := func(steps []grpc.UnaryClientInterceptor) float64 {
		call := costly(answerAtOnce, steps)
		return testing.AllocsPerRun(1000, func() {
			if err := call(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	if bare, stack := allocations(nil), allocations(retryStack(t)); stack-bare > most {
		t.Errorf("%v allocations, %v without the policies", stack, bare)
	}
}

// BenchmarkCallCost is what the policies around a call add to it where the first
// attempt answers: the difference to "bare" of the same upstream. One upstream
// answers at once; the other derives a context to wait on, as gRPC does, which
// makes the timeout arm its timer.
func BenchmarkCallCost(b *testing.B) {
	for _, upstream := range []struct {
		name   string
		invoke grpc.UnaryInvoker
	}{{"no-op", answerAtOnce}, {"waiting", answerWaiting}} {
		for _, cost := range callCosts() {
			b.Run(upstream.name+"/"+cost.name, func(b *testing.B) {
				call := costly(upstream.invoke, cost.steps(b))
				ctx := costContext(b)
				b.ReportAllocs()
				for b.Loop() {
					if err := call(ctx); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// costContext is a request's context: it can be cancelled and has metadata.
func costContext(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return metadata.NewOutgoingContext(ctx, metadata.Pairs("x-forwarded-host", "a", "x-forwarded-for", "b"))
}

// costly returns a call through the steps, the first outermost, with the
// options that the edge passes.
func costly(call grpc.UnaryInvoker, steps []grpc.UnaryClientInterceptor) func(context.Context) error {
	for _, step := range slices.Backward(steps) {
		next := call
		call = func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
			return step(ctx, method, req, reply, cc, next, opts...)
		}
	}
	request, reply := &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{}
	return func(ctx context.Context) error {
		var header, trailer metadata.MD
		return call(ctx, healthpb.Health_Check_FullMethodName, request, reply, nil, grpc.Header(&header), grpc.Trailer(&trailer))
	}
}

func answerAtOnce(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
	return nil
}

func answerWaiting(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-ctx.Done():
		return ctx.Err()
	default:
		return nil
	}
}

func costTimeout(t testing.TB) grpc.UnaryClientInterceptor {
	step, err := timeout.New(policy.Timeout{Duration: 5 * time.Second}, timeout.Options{})
	return costStep(t, step, err)
}

func costRetry(t testing.TB) grpc.UnaryClientInterceptor {
	step, err := retry.New(policy.Retry{
		MaxAttempts: 3, InitialBackoff: 50 * time.Millisecond, MaxBackoff: time.Second, BackoffMultiplier: 2,
		RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 20, MinPerSecond: 3},
	}, retry.Options{OnAttempt: func(context.Context, retry.Attempt) {}})
	return costStep(t, step, err)
}

func costHedge(t testing.TB) grpc.UnaryClientInterceptor {
	step, err := retry.NewHedge(policy.Hedge{
		Delay: time.Second, MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Unavailable},
		Budget: policy.RetryBudget{Percent: 20, MinPerSecond: 3},
	}, retry.HedgeOptions{OnAttempt: func(context.Context, retry.Attempt) {}})
	return costStep(t, step, err)
}

func costBreaker(t testing.TB) grpc.UnaryClientInterceptor {
	breaker, err := circuitbreaker.New(*breakerPolicy(20), circuitbreaker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return breaker.UnaryClientInterceptor()
}

func costConcurrency(t testing.TB, c policy.Criticality) grpc.UnaryClientInterceptor {
	p := policy.Concurrency{MaxInFlight: 1000, Adaptive: true, MaxQueue: 100}
	limiter, err := concurrency.New(p, concurrency.Options{Sanitized: true})
	if err != nil {
		t.Fatal(err)
	}
	return limiter.UnaryClientInterceptor(c)
}

func costStep(t testing.TB, step grpc.UnaryClientInterceptor, err error) grpc.UnaryClientInterceptor {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// BenchmarkStreamCost is what the policies around a stream add to it: a message
// each, and a stream of one message.
func BenchmarkStreamCost(b *testing.B) {
	desc := &grpc.StreamDesc{ServerStreams: true}
	for _, cost := range []struct {
		name  string
		steps []grpc.StreamClientInterceptor
	}{{"bare", nil}, {"bounded", streamStack(b)}} {
		open := costlyStream(cost.steps)
		b.Run("message/"+cost.name, func(b *testing.B) {
			stream, err := open(costContext(b), desc, nil, "", endless)
			b.ReportAllocs()
			for b.Loop() && err == nil {
				err = stream.RecvMsg(nil)
			}
			if err != nil {
				b.Fatal(err)
			}
		})
		b.Run("stream/"+cost.name, func(b *testing.B) {
			ctx := costContext(b)
			b.ReportAllocs()
			for b.Loop() {
				stream, err := open(ctx, desc, nil, "", endless)
				if err == nil {
					err = stream.RecvMsg(nil)
				}
				if err == nil {
					err = stream.SendMsg(io.EOF) // by which the stream ends
				}
				if stream.RecvMsg(nil) != io.EOF || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func streamStack(t testing.TB) []grpc.StreamClientInterceptor {
	limiter, err := concurrency.New(policy.Concurrency{MaxInFlight: 1000}, concurrency.Options{Sanitized: true})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := timeout.NewStream(policy.Timeout{Duration: time.Hour, Idle: time.Minute}, timeout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	breaker, err := circuitbreaker.New(*breakerPolicy(20), circuitbreaker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return []grpc.StreamClientInterceptor{
		limiter.StreamClientInterceptor(policy.CriticalityDefault), bound, breaker.StreamClientInterceptor(),
	}
}

func costlyStream(steps []grpc.StreamClientInterceptor) grpc.StreamClientInterceptor {
	if len(steps) == 0 {
		return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return streamer(ctx, desc, cc, method, opts...)
		}
	}
	rest := costlyStream(steps[1:])
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		return steps[0](ctx, desc, cc, method, func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return rest(ctx, desc, cc, method, streamer, opts...)
		}, opts...)
	}
}

// endlessStream sends messages until it is sent one itself.
type endlessStream struct {
	grpc.ClientStream
	over bool
}

func endless(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return &endlessStream{}, nil
}

func (s *endlessStream) SendMsg(any) error { s.over = true; return nil }

func (s *endlessStream) RecvMsg(any) error {
	if s.over {
		return io.EOF
	}
	return nil
}
