package circuitbreaker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/deadline"
)

const method = "/venta.vendor.v2.VendorService/GetVendor"

func responses(err error) grpc.UnaryInvoker {
	return func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return err }
}

// untilDone waits for the end of its context, as an upstream that hangs.
func untilDone(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

// attemptBound is what the bound of an attempt, below the breaker, returns.
var attemptBound = &apierror.Error{
	Code: codes.DeadlineExceeded, Reason: apierror.TimeoutExceeded,
	Cause: fmt.Errorf("%w: %w", deadline.ErrPolicy, context.DeadlineExceeded),
}

// caller sets up the context of a call.
type caller func(context.Context) (context.Context, context.CancelFunc)

func patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

func hurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Second)
}

func leaving(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	time.AfterFunc(time.Second, cancel)
	return ctx, cancel
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return deadline.WithPolicy(ctx, time.Second)
}

func TestWhatErrorsCount(t *testing.T) {
	own := func(code codes.Code, reason apierror.Reason) error {
		return &apierror.Error{Code: code, Reason: reason}
	}
	tests := []struct {
		name string
		err  error
		want circuitbreaker.Outcome
	}{
		{"OK", nil, success},
		{"a listed status", status.Error(codes.Unavailable, ""), failure},
		{"a wrapped one", fmt.Errorf("call: %w", status.Error(codes.Unavailable, "")), failure},
		{"a business error", status.Error(codes.NotFound, ""), success},
		{"a status that is not listed", status.Error(codes.Internal, ""), success},
		{"no status", errors.New("odd"), ignored},
		{"the upstream's own limit", status.Error(codes.ResourceExhausted, ""), failure},
		{"the gateway's limit", own(codes.ResourceExhausted, apierror.RateLimited), ignored},
		{"another breaker", own(codes.Unavailable, apierror.CircuitOpen), ignored},
		{"the gateway's view of a failure", apierror.FromUpstream(status.Error(codes.Unavailable, "")), failure},
		{"the bound of an attempt", attemptBound, failure},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { checkCounts(t, patient, responses(test.err), test.want) })
	}
}

func TestWhatEndsCount(t *testing.T) {
	exceeded := status.Error(codes.DeadlineExceeded, "")
	early := responses(exceeded)
	late := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
		time.Sleep(990 * time.Millisecond) // virtual
		return exceeded
	}
	plain := func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		<-ctx.Done()
		return ctx.Err()
	}
	ends := func(end func()) grpc.UnaryInvoker {
		return func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { end(); return nil }
	}
	tests := []struct {
		name     string
		caller   caller
		upstream grpc.UnaryInvoker
		want     circuitbreaker.Outcome
	}{
		{"the caller cancels", leaving, untilDone, ignored},
		{"the caller cancels, as a plain error", leaving, plain, ignored},
		{"the caller's deadline", hurried, untilDone, ignored},
		{"the caller's deadline, noticed by the upstream", hurried, late, ignored},
		{"the caller's deadline, which the upstream pretends has passed", hurried, early, failure},
		{"the timeout of the call", bounded, untilDone, failure},
		{"the timeout of the call, as a plain error", bounded, plain, failure},
		{"the timeout of the call, noticed by the upstream", bounded, late, failure},
		{"the bound of an attempt, sooner than the caller's deadline", hurried, responses(attemptBound), failure},
		{"a panic", patient, ends(func() { panic("upstream") }), ignored},
		{"an exit of the goroutine", patient, ends(runtime.Goexit), ignored},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { checkCounts(t, test.caller, test.upstream, test.want) })
	}
}

// checkCounts shows how a call counts by a breaker that opens at the first
// failure and closes at the first success.
func checkCounts(t *testing.T, caller caller, upstream grpc.UnaryInvoker, want circuitbreaker.Outcome) {
	for i, begin := range []circuitbreaker.State{closed, halfOpen} {
		synctest.Test(t, func(t *testing.T) {
			b := beginAt(t, begin)
			ctx, cancel := caller(t.Context())
			defer cancel()
			run(ctx, b.UnaryClientInterceptor(), upstream)
			wantState(t, b, counts[want][i])
			if want == ignored {
				acquire(t, b) // the slot is free again
			}
		})
	}
}

// run makes a call on a goroutine of its own and waits for its end.
func run(ctx context.Context, intercept grpc.UnaryClientInterceptor, upstream grpc.UnaryInvoker) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		_ = intercept(ctx, method, nil, nil, nil, upstream)
	}()
	<-done
}

// A failure counts once, and passes unchanged; an open breaker calls nobody.
func TestInterceptorPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.MinimumCalls = 2
		b := newBreaker(t, p, circuitbreaker.Options{})
		intercept := b.UnaryClientInterceptor()
		want := status.Error(codes.Unavailable, "down")
		calls := 0
		upstream := func(_ context.Context, m string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
			calls++
			if m != method || req != "request" || reply != "reply" || len(opts) != 1 {
				t.Errorf("passed on %v %v %v %v", m, req, reply, opts)
			}
			return want
		}
		for range 2 {
			if err := intercept(t.Context(), method, "request", "reply", nil, upstream, grpc.WaitForReady(true)); err != want {
				t.Errorf("got %v", err)
			}
		}
		err := intercept(t.Context(), method, "request", "reply", nil, upstream, grpc.WaitForReady(true))
		if own := apierror.As(err); own == nil || own.Reason != apierror.CircuitOpen || calls != 2 {
			t.Errorf("after %d calls: %v", calls, err)
		}
	})
}

// TestSlowCallThatIsLeft holds that a call which its caller gave up, as a hedge
// gives up the slower attempt, counts as slow where it had become so, and that
// an early one counts nowhere.
func TestSlowCallThatIsLeft(t *testing.T) {
	for after, want := range map[time.Duration]circuitbreaker.State{900 * time.Millisecond: closed, 1100 * time.Millisecond: open} {
		synctest.Test(t, func(t *testing.T) {
			b := newBreaker(t, basePolicy(), circuitbreaker.Options{})
			for range basePolicy().MinimumCalls {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(after, cancel)
				run(ctx, b.UnaryClientInterceptor(), untilDone)
			}
			wantState(t, b, want)
		})
	}
}
