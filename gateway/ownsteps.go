package gateway

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// together returns steps as one, or nil without any.
func together(steps []middleware) middleware {
	if len(steps) == 0 {
		return nil
	}
	return func(next http.Handler) http.Handler { return wrap(next, steps...) }
}

func (b *builder) beforeAuth() middleware {
	if b.gateway == nil {
		return nil
	}
	return together(b.gateway.options.Middleware.BeforeAuth)
}

func (b *builder) afterAuth() middleware {
	if b.gateway == nil {
		return nil
	}
	return together(b.gateway.options.Middleware.AfterAuth)
}

func (b *builder) aroundCall() grpc.UnaryClientInterceptor {
	if b.gateway == nil {
		return nil
	}
	return b.gateway.around(b.gateway.options.Interceptors.Call)
}

func (b *builder) aroundAttempt() grpc.UnaryClientInterceptor {
	if b.gateway == nil {
		return nil
	}
	return b.gateway.around(b.gateway.options.Interceptors.Attempt)
}

func (b *builder) aroundStreamCall() grpc.StreamClientInterceptor {
	if b.gateway == nil {
		return nil
	}
	return b.gateway.aroundStream(b.gateway.options.Interceptors.StreamCall)
}

func (b *builder) aroundStreamAttempt() grpc.StreamClientInterceptor {
	if b.gateway == nil {
		return nil
	}
	return b.gateway.aroundStream(b.gateway.options.Interceptors.StreamAttempt)
}

// around returns a program's interceptors as one step, or nil without any.
func (g *Gateway) around(own []grpc.UnaryClientInterceptor) grpc.UnaryClientInterceptor {
	if len(own) == 0 {
		return nil
	}
	own = slices.Clone(own)
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) (err error) {
		defer g.recoverCall(ctx, method, &err)
		return ownError(chain(own, invoke)(ctx, method, req, reply, cc, opts...))
	}
}

func chain(own []grpc.UnaryClientInterceptor, call grpc.UnaryInvoker) grpc.UnaryInvoker {
	for _, step := range slices.Backward(own) {
		next := call
		call = func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
			return step(ctx, method, req, reply, cc, next, opts...)
		}
	}
	return call
}

func (g *Gateway) aroundStream(own []grpc.StreamClientInterceptor) grpc.StreamClientInterceptor {
	if len(own) == 0 {
		return nil
	}
	own = slices.Clone(own)
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (stream grpc.ClientStream, err error) {
		defer g.recoverCall(ctx, method, &err)
		stream, err = chainStream(own, open)(ctx, desc, cc, method, opts...)
		return stream, ownError(err)
	}
}

func chainStream(own []grpc.StreamClientInterceptor, open grpc.Streamer) grpc.Streamer {
	for _, step := range slices.Backward(own) {
		next := open
		open = func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return step(ctx, desc, cc, method, next, opts...)
		}
	}
	return open
}

// recoverCall makes an error of a panic.
func (g *Gateway) recoverCall(ctx context.Context, method string, err *error) {
	if cause := recover(); cause != nil {
		g.options.Logger.ErrorContext(ctx, "panic in an interceptor",
			"method", method, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
		*err = &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "internal error"}
	}
}

// ownError keeps what is no status, and so was not meant for a client, inside.
func ownError(err error) error {
	if err == nil || apierror.As(err) != nil {
		return err
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "internal error", Cause: err}
}
