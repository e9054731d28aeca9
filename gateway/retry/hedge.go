package retry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// HedgeOptions are what a policy does not say. The zero value is usable.
type HedgeOptions struct {
	// Budget, where set, is shared with others who send further attempts, and
	// the policy's own budget is left aside. Nil makes one from the policy.
	Budget *Budget
	// MaxPushback is as in [Options].
	MaxPushback time.Duration
	// Replies makes and moves replies. Default: [Messages].
	Replies Replies
	// OnAttempt, where set, is told each attempt that ended, with the call's own
	// context; those that lost perhaps after the call. No lock is held;
	// concurrent attempts call it concurrently. In shadow mode it is told nothing.
	OnAttempt func(context.Context, Attempt)
	// OnShadow, where set, is told [WouldHedge] or [WouldBudget] once for a call
	// under a policy in shadow mode that would have had a second attempt, after
	// the call.
	OnShadow policy.ShadowFunc
}

// NewHedge returns an interceptor that makes up to p.MaxAttempts attempts of
// each call at the same time, as gRFC A6 says: the next one when p.Delay has
// passed since the last, or at once when one has failed with a non-fatal status.
// The first response, or the first failure with another status, is the call's, and
// the other attempts are cancelled. Where all fail, the last failure is.
//
// Two things differ from A6. The budget takes the place of its throttling
// tokens; once it has refused an attempt, the call sends no more. And where the
// gateway itself refuses an attempt, as an open circuit breaker does, no further
// one is sent but those that run may still respond.
//
// The interceptor returns as soon as the call is decided, or its context has
// ended. An attempt that does not heed its cancellation keeps its goroutine and
// its reply until it returns, and reads the request until then, which must not
// be changed; it writes to nothing of the caller's. An attempt that panics, or
// ends its goroutine, has failed with INTERNAL: its goroutine is not the
// caller's, who could not recover.
//
// In shadow mode each call is made once, on the caller's goroutine, and whether a
// second attempt would have been sent is told; what would have come of it is not
// known.
//
// A policy out of the limits of [policy.Method.ValidateLimits] is an error. The interceptor is safe for
// concurrent use.
func NewHedge(p policy.Hedge, o HedgeOptions) (grpc.UnaryClientInterceptor, error) {
	if err := (policy.Method{Hedge: &p}).CheckLimits(); err != nil {
		return nil, fmt.Errorf("hedge: %w", err)
	}
	var err error
	if o.Budget, err = budgetOf(o.Budget, p.Budget); err != nil {
		return nil, err
	}
	if o.MaxPushback, err = maxPushback(o.MaxPushback); err != nil {
		return nil, err
	}
	if o.Replies == nil {
		o.Replies = Messages{}
	}
	h := &hedger{policy: p, options: o}
	if p.Shadow {
		return h.watch, nil
	}
	return h.intercept, nil
}

type hedger struct {
	policy  policy.Hedge
	options HedgeOptions
	free    sync.Pool // of *tools
}

func (h *hedger) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	h.options.Budget.Call()
	race := &race{hedger: h, ctx: ctx, tools: h.begin(), call: call{method, req, reply, cc, invoker, opts}}
	race.attempts.Open(ctx)
	defer race.end()
	decided, err := race.run()
	if err != nil {
		return err
	}
	decided.seen.publish(opts)
	h.options.Budget.refuse(decided.err)
	if decided.err == nil {
		h.options.Replies.Move(reply, decided.reply)
	}
	return decided.err
}

// judge decides what follows from an attempt's end, and after which wait, but
// for the budget.
func (h *hedger) judge(ctx context.Context, err error, trailer metadata.MD) (Verdict, time.Duration) {
	wait, pushed := pushback(trailer)
	switch {
	case err == nil, ctx.Err() != nil, !retryable(err, h.policy.NonFatalStatusCodes):
		return Final, 0
	case pushed && wait < 0:
		return PushedBack, 0
	case !fits(ctx, wait, h.options.MaxPushback):
		return OutOfTime, 0
	}
	return Retried, wait
}

func (h *hedger) report(ctx context.Context, a Attempt) {
	if h.options.OnAttempt != nil {
		h.options.OnAttempt(ctx, a)
	}
}

// broken is the error of an attempt that did not return.
func broken(cause error) error {
	return &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "the gateway failed", Cause: cause}
}
