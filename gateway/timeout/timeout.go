// Package timeout bounds how long a call to an upstream may take.
//
// The same interceptor stands at two places of the stack: [New] outside
// everything bounds the whole call, all attempts and waits included, and
// [PerAttempt] next to the upstream bounds each attempt. A deadline of the
// caller that ends sooner stays in force and stays the caller's.
package timeout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/policy"
)

// leeway is how much of the bound may be left when an upstream, which got it as
// grpc-timeout and reads another clock, says that it has passed. An upstream
// that gives up earlier does so for a reason of its own.
const leeway = 50 * time.Millisecond

// Options observe a bound. The zero value observes nothing.
type Options struct {
	// OnExceeded, where set, is told each call that the bound ended, with the
	// call's own context, before the error is returned. Concurrent calls call
	// it concurrently.
	OnExceeded func(ctx context.Context, method string)
}

// New returns an interceptor that bounds the whole call. A call over the bound
// ends with an [apierror.Error] of DEADLINE_EXCEEDED and reason
// [apierror.TimeoutExceeded] that names the bound and has [deadline.ErrPolicy]
// in its chain, whether the gateway or the upstream noticed first. A duration
// that is not positive is an error. The interceptor is safe for concurrent use.
func New(p policy.Timeout, o Options) (grpc.UnaryClientInterceptor, error) {
	return newBound(p.Duration, fmt.Sprintf("no answer within %s", p.Duration), o)
}

// PerAttempt returns an interceptor that bounds one attempt by d, inside retry
// and circuit breaker. It is [New] but for the message, which says that one
// attempt had no answer.
func PerAttempt(d time.Duration, o Options) (grpc.UnaryClientInterceptor, error) {
	return newBound(d, fmt.Sprintf("no answer to an attempt within %s", d), o)
}

type bound struct {
	duration time.Duration
	message  string
	options  Options
}

func newBound(d time.Duration, message string, o Options) (grpc.UnaryClientInterceptor, error) {
	if d <= 0 {
		return nil, fmt.Errorf("timeout: the duration must be positive, not %s", d)
	}
	b := &bound{duration: d, message: message, options: o}
	return b.intercept, nil
}

func (b *bound) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	bounded, cancel := deadline.WithPolicy(ctx, b.duration)
	defer cancel()
	err := invoker(bounded, method, req, reply, cc, opts...)
	if err == nil || !ended(ctx, bounded, err) {
		return err
	}
	if b.options.OnExceeded != nil {
		b.options.OnExceeded(ctx, method)
	}
	return &apierror.Error{
		Code:    codes.DeadlineExceeded,
		Reason:  apierror.TimeoutExceeded,
		Message: b.message,
		Cause:   fmt.Errorf("%w: %w", deadline.ErrPolicy, err),
	}
}

// ended reports whether err came about because the bound that bounded adds to
// ctx has passed.
func ended(ctx, bounded context.Context, err error) bool {
	end, _ := bounded.Deadline()
	if sooner, ok := ctx.Deadline(); ok && !end.Before(sooner) {
		return false // the bound was never in force
	}
	if status.Code(err) != codes.DeadlineExceeded && !errors.Is(err, context.DeadlineExceeded) {
		return false // an answer, even if it came in the last moment
	}
	if bounded.Err() != nil {
		return errors.Is(context.Cause(bounded), deadline.ErrPolicy)
	}
	return time.Until(end) <= leeway
}
