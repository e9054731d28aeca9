package circuitbreaker

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
)

// UnaryClientInterceptor returns an interceptor that passes each call through
// the breaker. It stands inside retry, so that each attempt counts, and outside
// the timeout of an attempt, so that an attempt without a response counts too.
func (b *Breaker) UnaryClientInterceptor() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
		invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		permit, err := b.Admit(ctx)
		if err != nil {
			return err
		}
		outcome := Ignored // of a call that does not return
		defer func() { permit.DoneIn(ctx, outcome) }()
		err = invoker(ctx, method, req, reply, cc, opts...)
		outcome = b.OutcomeOf(ctx, err)
		return err
	}
}

// OutcomeOf says what err, returned under the call's context, tells about the
// upstream: one of the policy's statuses is a failure, any other status a
// success. What was not the upstream's doing ([apierror.Refused]) and what has no
// status says nothing; what a bound of the gateway's ended is its status.
func (b *Breaker) OutcomeOf(ctx context.Context, err error) Outcome {
	if err == nil {
		return Success
	}
	code := codeOf(err)
	switch {
	case apierror.Refused(err):
		return Ignored // it never got there
	case !errors.Is(err, deadline.ErrPolicy) && deadline.EndedByCaller(ctx, code):
		return Cancelled // the bound of an attempt is below ctx, and known by its error
	case slices.Contains(b.policy.FailureStatusCodes, code):
		return Failure
	}
	if _, ok := status.FromError(err); !ok {
		return Ignored // it has no status, so no upstream said it
	}
	return Success
}

// codeOf is status.Code, and knows the plain errors of contexts.
func codeOf(err error) codes.Code {
	if code := status.Code(err); code != codes.Unknown {
		return code
	}
	return status.FromContextError(err).Code()
}
