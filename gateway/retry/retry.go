// Package retry tries failed calls again, or races slow ones ([NewHedge]), as
// gRFC A6 defines, as an interceptor.
//
// It differs from the retries inside grpc-go in three ways. The wait is random
// from zero on, as A6 said until it came to spread waits by a fifth only: the
// more waits spread, the fewer callers meet again. A [Budget] takes the place of
// A6's throttling tokens. And the headers of a failed attempt do not commit the
// call: A6 stops there because the application has seen them, but here it sees
// nothing of an attempt until that is the last one, so that a server that sets a
// header on every response can still be retried.
//
// The place of the interceptor is inside the timeout of the whole call and
// outside the circuit breaker and the timeout of each attempt. The connection
// below should be made with grpc.WithDisableRetry, lest attempts multiply.
//
// See https://github.com/grpc/proposal/blob/master/A6-client-retries.md.
package retry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/policy"
)

// Options are what a policy does not say. The zero value is usable.
type Options struct {
	// Budget, where set, is shared with others who send further attempts, and
	// the policy's own budget is left aside. Nil makes one from the policy.
	Budget *Budget
	// MaxPushback is the longest wait that a server may ask for where the call has
	// no deadline; with one, the call's time is the bound. Default: one minute.
	MaxPushback time.Duration
	// Random returns numbers in [0, 1) that spread the waits, and is called
	// concurrently. Nil is math/rand/v2.
	Random func() float64
	// CircuitOpen, where set, reports whether a circuit breaker would refuse an
	// attempt now. It is called before each wait: where it is true, the call ends
	// at once instead of waiting for a refusal. No lock is held; concurrent calls
	// call it concurrently. Nil: it never is.
	CircuitOpen func() bool
	// OnAttempt, where set, is told each attempt that ended, with the call's
	// own context, before any wait. No lock is held; concurrent calls call it
	// concurrently. In shadow mode it is told nothing.
	OnAttempt func(context.Context, Attempt)
	// OnShadow, where set, is told [WouldRetry], [WouldExceed] and [WouldBudget]
	// of calls under a policy in shadow mode, after the call.
	OnShadow policy.ShadowFunc
}

// Attempt is one attempt that ended, and what follows from it.
type Attempt struct {
	Method  string
	Number  int // from 1
	Code    codes.Code
	Verdict Verdict
	Wait    time.Duration // until the next attempt; 0 unless Verdict is Retried
}

// New returns an interceptor that makes up to p.MaxAttempts attempts of each
// call, one after the other. The error of the last attempt is returned as it
// is; a caller that leaves during a wait gets its context's error as a status.
// The per-attempt timeout of p is not applied here: it belongs inside the
// circuit breaker.
//
// A server's pushback that does not fit in the time that the call has left, or
// without a deadline in [Options.MaxPushback], ends the call at once; so does
// [Options.CircuitOpen].
//
// In shadow mode each call is made once, and what would have followed from that
// attempt is told; whether a second one would have needed a third is not known.
//
// A policy out of the limits of [policy.Method.ValidateLimits] is an error. The interceptor is safe for
// concurrent use.
func New(p policy.Retry, o Options) (grpc.UnaryClientInterceptor, error) {
	if err := (policy.Method{Retry: &p}).CheckLimits(); err != nil {
		return nil, fmt.Errorf("retry: %w", err)
	}
	return newRetry(p, o)
}

// newRetry makes the interceptor of a policy that is in order.
func newRetry(p policy.Retry, o Options) (grpc.UnaryClientInterceptor, error) {
	var err error
	if o.Budget, err = budgetOf(o.Budget, p.Budget); err != nil {
		return nil, err
	}
	if o.MaxPushback, err = maxPushback(o.MaxPushback); err != nil {
		return nil, err
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.CircuitOpen == nil {
		o.CircuitOpen = func() bool { return false }
	}
	r := &retrier{policy: p, options: o}
	if p.Shadow {
		return r.watch, nil
	}
	return r.intercept, nil
}

// budgetOf returns the shared budget, or one of the policy's own.
func budgetOf(shared *Budget, p policy.RetryBudget) (*Budget, error) {
	if shared != nil {
		return shared, nil
	}
	return NewBudget(p)
}

type retrier struct {
	policy  policy.Retry
	options Options
}

func (r *retrier) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	r.options.Budget.Call()
	var waits backoff
	for number := 1; ; number++ {
		seen := new(view)
		err := invoker(withAttempts(ctx, number-1), method, req, reply, cc, seen.options(opts)...)
		seen.publish(opts)

		if number == 1 {
			r.options.Budget.refuse(err)
		}
		verdict, wait := r.judge(ctx, number, &waits, err, seen.trailer)
		r.report(ctx, Attempt{Method: method, Number: number, Code: status.Code(err), Verdict: verdict, Wait: wait})
		if verdict != Retried {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return status.FromContextError(err).Err()
		}
	}
}

func (r *retrier) report(ctx context.Context, a Attempt) {
	if r.options.OnAttempt != nil {
		r.options.OnAttempt(ctx, a)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() // both may be ready
	case <-ctx.Done():
		return ctx.Err()
	}
}
