package concurrency

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/policy"
)

// MetadataKey is the request metadata that tells the upstream how critical a
// call is. A call of default criticality has none.
const MetadataKey = "x-venta-criticality"

// UnaryClientInterceptor returns an interceptor that holds a place for each
// call, of the given criticality. Interceptors of one limiter share its places.
func (l *Limiter) UnaryClientInterceptor(c policy.Criticality) grpc.UnaryClientInterceptor {
	mark := l.marker(c)
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
		invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		permit, err := l.acquire(ctx, method, c)
		if err != nil {
			l.report(ctx, method, c, err)
			return err
		}
		outcome := Ignored // of a call that does not return
		defer func() { permit.Done(outcome) }()
		err = invoker(mark(ctx), method, req, reply, cc, opts...)
		outcome = outcomeOf(err)
		return err
	}
}

func (l *Limiter) report(ctx context.Context, method string, c policy.Criticality, err error) {
	if l.options.OnShed != nil && apierror.Refused(err) {
		l.options.OnShed(ctx, method, c)
	}
}

// marker returns what puts the criticality into a call's context.
func (l *Limiter) marker(c policy.Criticality) func(context.Context) context.Context {
	if c == policy.CriticalityDefault || l.policy.Shadow {
		return func(ctx context.Context) context.Context { return ctx }
	}
	if l.options.Sanitized {
		return func(ctx context.Context) context.Context {
			return metadata.AppendToOutgoingContext(ctx, MetadataKey, string(c))
		}
	}
	values := []string{string(c)} // nobody writes to metadata of a context
	alone := metadata.MD{MetadataKey: values}
	return func(ctx context.Context) context.Context {
		md, ok := metadata.FromOutgoingContext(ctx) // a copy
		if !ok {
			return metadata.NewOutgoingContext(ctx, alone)
		}
		md[MetadataKey] = values // in place of any that the caller has sent along
		return metadata.NewOutgoingContext(ctx, md)
	}
}

// outcomeOf says what err tells about how long the upstream takes. A failure tells
// nothing, but for one that a bound of the gateway's has made: it took that long.
func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Success
	case errors.Is(err, deadline.ErrPolicy):
		return TimedOut
	default:
		return Ignored
	}
}
