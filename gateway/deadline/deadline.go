// Package deadline says who bounds a call: a policy of the gateway or the
// caller. A call that its caller ended says nothing about the upstream's
// health; one that a policy ended does.
package deadline

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
)

// ErrPolicy is the cause (context.Cause) of a context that a policy's bound ended.
var ErrPolicy = errors.New("the policy's time bound has passed")

// ErrAttempt is in the chain of an error by which the bound of one attempt ended it,
// while the call had time left: another attempt may be faster.
var ErrAttempt = errors.New("the attempt's time bound has passed")

// Leeway is how much of a bound may be left when an upstream, which got it as
// grpc-timeout and reads another clock, says that it has passed. An upstream
// that gives up earlier does so for a reason of its own.
const Leeway = 50 * time.Millisecond

// WithPolicy bounds ctx by d on behalf of a policy. A bound of the caller that
// ends sooner stays in force and stays the caller's. [NewBound] does the same
// with fewer allocations.
func WithPolicy(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	bound := NewBound(ctx, d)
	return bound, bound.Release
}

// Passed reports whether end has passed, or is so near that an upstream may
// think so ([Leeway]).
func Passed(end time.Time) bool { return time.Until(end) <= Leeway }

// EndedByCaller reports whether a call that returned code under ctx was ended
// by its caller: cancelled, or past a deadline that the caller set. An upstream
// that says DEADLINE_EXCEEDED while more than [Leeway] of the caller's time is
// left was not.
func EndedByCaller(ctx context.Context, code codes.Code) bool {
	if ctx.Err() != nil {
		return !errors.Is(context.Cause(ctx), ErrPolicy)
	}
	if code != codes.DeadlineExceeded {
		return false
	}
	// The upstream noticed a deadline before the timer here fired. Whose?
	end, bounded := ctx.Deadline()
	return bounded && Passed(end) && !policySet(ctx, end)
}

// policySet reports whether the deadline that is in force comes from a policy.
func policySet(ctx context.Context, end time.Time) bool {
	bound, ok := ctx.Value(boundKey{}).(*Scope)
	return ok && bound.end.Equal(end)
}
