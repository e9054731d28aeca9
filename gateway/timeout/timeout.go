// Package timeout bounds how long a call to an upstream may take.
//
// The same interceptor stands at two places of the stack: [New] outside
// everything bounds the whole call, all attempts and waits included, and
// [PerAttempt] next to the upstream bounds each attempt. A deadline of the
// caller that ends sooner stays in force and stays the caller's. [NewStream]
// bounds a stream, as a whole and between messages.
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

// What a bound in shadow mode would have done.
const (
	// WouldExceed: it would have ended the call, or the stream, for its duration.
	WouldExceed = "exceed"
	// WouldIdle: it would have ended the stream for its silence.
	WouldIdle = "idle"
)

// Options observe a bound. The zero value observes nothing.
type Options struct {
	// OnExceeded, where set, is told each call or stream that the bound ended,
	// with its own context, before the error is returned. Concurrent calls call
	// it concurrently; for a stream it runs on a goroutine of its own.
	OnExceeded func(ctx context.Context, method string)
	// OnShadow, where set, is told [WouldExceed] once for each call of a policy
	// in shadow mode that took longer, after the call. For a stream it runs on a
	// goroutine of its own, when the bound passes, and is told [WouldExceed] and
	// [WouldIdle] at most once each.
	OnShadow policy.ShadowFunc
}

// New returns an interceptor that bounds the whole call. A call over the bound
// ends with an [apierror.Error] of DEADLINE_EXCEEDED and reason
// [apierror.TimeoutExceeded] that names the bound and has [deadline.ErrPolicy]
// in its chain, whether the gateway or the upstream noticed first. A duration
// that is not positive is an error, and so is an idle time, which only streams
// have. The interceptor is safe for concurrent use.
//
// In shadow mode the call runs as if there were no bound: neither its context
// nor what the upstream hears of its deadline changes.
func New(p policy.Timeout, o Options) (grpc.UnaryClientInterceptor, error) {
	if p.Idle != 0 {
		return nil, errors.New("timeout: a unary call has no idle time")
	}
	b, err := newBound(p.Duration, fmt.Sprintf("no response within %s", p.Duration), o)
	if err != nil {
		return nil, err
	}
	if p.Shadow {
		return b.watch, nil
	}
	return b.intercept, nil
}

// PerAttempt returns an interceptor that bounds one attempt by d, inside retry
// and circuit breaker. It is [New] but for the message, which says that one
// attempt had no response, and for [deadline.ErrAttempt] in the chain. A retry
// policy in shadow mode has none: its attempts are not bounded.
func PerAttempt(d time.Duration, o Options) (grpc.UnaryClientInterceptor, error) {
	b, err := newBound(d, fmt.Sprintf("no response to an attempt within %s", d), o)
	if err != nil {
		return nil, err
	}
	b.reason = fmt.Errorf("%w: %w", deadline.ErrPolicy, deadline.ErrAttempt)
	return b.intercept, nil
}

type bound struct {
	duration time.Duration
	message  string
	reason   error // in the chain of the error
	options  Options
}

func newBound(d time.Duration, message string, o Options) (*bound, error) {
	if d <= 0 {
		return nil, fmt.Errorf("timeout: the duration must be positive, not %s", d)
	}
	return &bound{duration: d, message: message, reason: deadline.ErrPolicy, options: o}, nil
}

func (b *bound) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	bounded := deadline.NewBound(ctx, b.duration)
	defer bounded.Release()
	err := invoker(bounded, method, req, reply, cc, opts...)
	if err == nil || !ended(bounded, err) {
		return err
	}
	if b.options.OnExceeded != nil {
		b.options.OnExceeded(ctx, method)
	}
	return exceeded(apierror.TimeoutExceeded, b.message, b.reason, err)
}

// watch calls without the bound and tells whether the call was over it.
func (b *bound) watch(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	start := time.Now()
	err := invoker(ctx, method, req, reply, cc, opts...)
	if b.options.OnShadow != nil && time.Since(start) > b.duration && !endsBy(ctx, start.Add(b.duration)) {
		b.options.OnShadow(ctx, WouldExceed)
	}
	return err
}

// endsBy reports whether ctx has a deadline that is not after end.
func endsBy(ctx context.Context, end time.Time) bool {
	sooner, ok := ctx.Deadline()
	return ok && !end.Before(sooner)
}

// ended reports whether err came about because bounded's own bound has passed.
func ended(bounded *deadline.Scope, err error) bool {
	if !bounded.Bounds() {
		return false // the caller's deadline is sooner
	}
	if !cut(err) {
		return false // a response, even if it came in the last moment
	}
	if bounded.Err() != nil {
		return errors.Is(context.Cause(bounded), deadline.ErrPolicy)
	}
	end, _ := bounded.Deadline()
	return deadline.Passed(end)
}

// cut reports whether err says that a call or a stream was cut short. Which of
// the two an upstream says of a deadline that has passed is up to it.
func cut(err error) bool {
	code := status.Code(err)
	return code == codes.DeadlineExceeded || code == codes.Canceled ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// exceeded is the error of a call or a stream that a bound ended.
func exceeded(reason apierror.Reason, message string, ended, cause error) error {
	return &apierror.Error{
		Code:    codes.DeadlineExceeded,
		Reason:  reason,
		Message: message,
		Cause:   fmt.Errorf("%w: %w", ended, cause),
	}
}
