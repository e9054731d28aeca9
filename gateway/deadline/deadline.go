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

type boundKey struct{}

// WithPolicy bounds ctx by d on behalf of a policy. A bound of the caller that
// ends sooner stays in force and stays the caller's.
func WithPolicy(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return context.WithCancel(ctx)
	}
	ctx = context.WithValue(ctx, boundKey{}, true)
	return context.WithTimeoutCause(ctx, d, ErrPolicy)
}

// EndedByCaller reports whether a call that returned code under ctx was ended
// by its caller: cancelled, or past a deadline that the caller set.
func EndedByCaller(ctx context.Context, code codes.Code) bool {
	if ctx.Err() != nil {
		return !errors.Is(context.Cause(ctx), ErrPolicy)
	}
	if code != codes.DeadlineExceeded {
		return false
	}
	// The upstream noticed the deadline before the timer here fired.
	_, bounded := ctx.Deadline()
	byPolicy, _ := ctx.Value(boundKey{}).(bool)
	return bounded && !byPolicy
}
