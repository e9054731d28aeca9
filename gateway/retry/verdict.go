package retry

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
)

// Verdict says what follows from an attempt.
type Verdict int

// The verdicts on an attempt.
const (
	// Final: it succeeded, failed with a status that is not retryable, was
	// refused by the gateway itself, or its caller's time is over.
	Final Verdict = iota
	// Retried: another attempt follows, unless the caller leaves meanwhile.
	Retried
	// Exhausted: it was the last that the policy allows.
	Exhausted
	// PushedBack: the server asked not to be called again.
	PushedBack
	// OutOfTime: the wait does not fit in the time that the call has left, or a
	// call without a deadline was pushed back for too long.
	OutOfTime
	// OverBudget: the retry budget is spent.
	OverBudget
	// Lost: the call was decided without this hedged attempt.
	Lost
	// Refused: the gateway would refuse another attempt, see [Options.CircuitOpen].
	Refused
)

// String returns the verdict as a metric label, such as "over_budget".
func (v Verdict) String() string {
	switch v {
	case Final:
		return "final"
	case Retried:
		return "retried"
	case Exhausted:
		return "exhausted"
	case PushedBack:
		return "pushed_back"
	case OutOfTime:
		return "out_of_time"
	case OverBudget:
		return "over_budget"
	case Lost:
		return "lost"
	case Refused:
		return "refused"
	}
	return "unknown"
}

// judge decides what follows from an attempt that returned err, and after which
// wait. The budget comes last: what another rule refuses must not spend it.
func (r *retrier) judge(ctx context.Context, number int, waits *backoff, err error, trailer metadata.MD) (Verdict, time.Duration) {
	pushed, pushedBy := pushback(trailer)
	switch {
	case err == nil || ctx.Err() != nil || !r.retryable(err):
		return Final, 0
	case pushedBy && pushed < 0:
		return PushedBack, 0
	case number >= r.policy.MaxAttempts:
		return Exhausted, 0
	}
	wait, longest := pushed, r.options.MaxPushback
	if pushedBy {
		waits.reset()
	} else {
		wait = waits.next(r.policy, r.options.Random)
		longest = wait // the policy's own waits are bounded
	}
	switch {
	case !fits(ctx, wait, longest):
		return OutOfTime, 0
	case r.options.CircuitOpen():
		return Refused, 0
	case !r.options.Budget.Take():
		return OverBudget, 0
	}
	return Retried, wait
}

// retryable reports whether the policy lists err's status and the error is not
// a refusal of the gateway itself, which a second attempt would only repeat. What
// the bound of the attempt itself cut is retryable, whatever the policy lists: the
// bound has no other purpose.
func (r *retrier) retryable(err error) bool { return retryable(err, r.policy.RetryableStatusCodes) }

func retryable(err error, statuses []codes.Code) bool {
	if apierror.Refused(err) {
		return false
	}
	return slices.Contains(statuses, status.Code(err)) || errors.Is(err, deadline.ErrAttempt)
}
