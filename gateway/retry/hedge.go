package retry

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// HedgeOptions are what a policy does not say. The zero value is usable.
type HedgeOptions struct {
	// Budget, where set, is shared with others who send further attempts, and
	// the policy's own budget is left aside. Nil makes one from the policy.
	Budget *Budget
	// Replies makes and moves replies. Default: [Messages].
	Replies Replies
	// OnAttempt, where set, is told each attempt that ended, with the call's own
	// context; those that lost perhaps after the call. No lock is held;
	// concurrent attempts call it concurrently.
	OnAttempt func(context.Context, Attempt)
}

// NewHedge returns an interceptor that makes up to p.MaxAttempts attempts of
// each call at the same time, as gRFC A6 says: the next one when p.Delay has
// passed since the last, or at once when one has failed with a non-fatal status.
// The first answer, or the first failure with another status, is the call's, and
// the other attempts are cancelled. Where all fail, the last failure is.
//
// Two things differ from A6. The budget takes the place of its throttling
// tokens; once it has refused an attempt, the call sends no more. And where the
// gateway itself refuses an attempt, as an open circuit breaker does, no further
// one is sent but those that run may still answer.
//
// The interceptor returns as soon as the call is decided, or its context has
// ended. An attempt that does not heed its cancellation keeps its goroutine and
// its reply until it returns, and reads the request until then, which must not
// be changed; it writes to nothing of the caller's. An attempt that panics, or
// ends its goroutine, has failed with INTERNAL: its goroutine is not the
// caller's, who could not recover.
//
// A policy whose values make no sense is an error. The interceptor is safe for
// concurrent use.
func NewHedge(p policy.Hedge, o HedgeOptions) (grpc.UnaryClientInterceptor, error) {
	if err := checkHedge(p); err != nil {
		return nil, fmt.Errorf("hedge: %w", err)
	}
	if o.Budget == nil {
		budget, err := NewBudget(p.Budget)
		if err != nil {
			return nil, err
		}
		o.Budget = budget
	}
	if o.Replies == nil {
		o.Replies = Messages{}
	}
	h := &hedger{policy: p, options: o}
	return h.intercept, nil
}

func checkHedge(p policy.Hedge) error {
	switch {
	case p.MaxAttempts < 2:
		return fmt.Errorf("max_attempts must be at least 2, not %d", p.MaxAttempts)
	case p.Delay < 0:
		return fmt.Errorf("the delay must not be negative: %s", p.Delay)
	case len(p.NonFatalStatusCodes) == 0:
		return errors.New("non_fatal_status_codes is empty")
	}
	return nil
}

type hedger struct {
	policy  policy.Hedge
	options HedgeOptions
}

func (h *hedger) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	h.options.Budget.Call()
	opts, sinks := divert(opts)
	attempts, cancel := context.WithCancel(ctx)
	race := &race{
		hedger:   h,
		ctx:      ctx,
		attempts: attempts,
		method:   method,
		reply:    reply,
		results:  make(chan *result),
		invoke: func(ctx context.Context, r *result) error {
			return invoker(ctx, method, req, r.reply, cc, sinks.observe(opts, &r.seen)...)
		},
	}
	defer cancel()
	decided, err := race.run()
	if err != nil {
		return err
	}
	sinks.publish(&decided.seen)
	if decided.err == nil {
		h.options.Replies.Move(reply, decided.reply)
	}
	return decided.err
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
