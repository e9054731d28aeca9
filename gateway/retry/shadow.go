package retry

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/deadline"
)

// What a policy in shadow mode would have done with a call. The budget is
// counted as if it had.
const (
	// WouldRetry: it would have tried again.
	WouldRetry = "retry"
	// WouldHedge: it would have sent a second attempt, because the delay had
	// passed or the first had failed.
	WouldHedge = "hedge"
	// WouldBudget: it would have sent another attempt, had the budget let it.
	WouldBudget = "budget"
	// WouldExceed: its per_attempt_timeout would have ended the attempt.
	WouldExceed = "exceed"
)

// errAttemptOver stands for the bound of an attempt, which shadow mode has not.
var errAttemptOver = fmt.Errorf("%w: %w", deadline.ErrAttempt, status.Error(codes.DeadlineExceeded, "no response to an attempt"))

// watch calls once and tells what would have followed.
func (r *retrier) watch(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	r.options.Budget.Call()
	seen, start := new(view), time.Now()
	err := invoker(ctx, method, req, reply, cc, seen.options(opts)...)
	seen.publish(opts)
	r.options.Budget.refuse(err)
	r.would(ctx, time.Since(start), err, seen.trailer)
	return err
}

// would tells what follows from an attempt that took so long and returned err.
func (r *retrier) would(ctx context.Context, took time.Duration, err error, trailer metadata.MD) {
	if bound := r.policy.PerAttemptTimeout; bound > 0 && took > bound {
		r.shadow(ctx, WouldExceed)
		err, trailer = errAttemptOver, nil
	}
	switch verdict, _ := r.judge(ctx, 1, new(backoff), err, trailer); verdict {
	case Retried:
		r.shadow(ctx, WouldRetry)
	case OverBudget:
		r.shadow(ctx, WouldBudget)
	}
}

func (r *retrier) shadow(ctx context.Context, would string) {
	if r.options.OnShadow != nil {
		r.options.OnShadow(ctx, would)
	}
}

// watch calls once and tells whether a second attempt would have been sent.
func (h *hedger) watch(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	h.options.Budget.Call()
	seen, start := new(view), time.Now()
	err := invoker(ctx, method, req, reply, cc, seen.options(opts)...)
	seen.publish(opts)
	h.options.Budget.refuse(err)
	if time.Since(start) >= h.policy.Delay || h.sendsNext(ctx, err, seen.trailer) {
		h.shadow(ctx)
	}
	return err
}

// sendsNext reports whether an attempt's end, before the delay, would have sent
// the next one.
func (h *hedger) sendsNext(ctx context.Context, err error, trailer metadata.MD) bool {
	verdict, _ := h.judge(ctx, err, trailer)
	return verdict == Retried
}

func (h *hedger) shadow(ctx context.Context) {
	would := WouldBudget
	if h.options.Budget.Take() {
		would = WouldHedge
	}
	if h.options.OnShadow != nil {
		h.options.OnShadow(ctx, would)
	}
}
