package assembly

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/internal/panics"
)

// A program's own steps at one place of the stack are one step of it, which is nil
// without any.

// Together returns steps as one, the first outermost.
func Together(steps []func(http.Handler) http.Handler) Step {
	if len(steps) == 0 {
		return nil
	}
	steps = slices.Clone(steps)
	return func(next http.Handler) http.Handler { return wrap(next, steps...) }
}

// Around returns interceptors as one, the first outermost. A panic in them is
// logged and becomes an error, as they may run on goroutines that nobody else
// recovers.
func Around(steps []grpc.UnaryClientInterceptor, logger *slog.Logger) grpc.UnaryClientInterceptor {
	if len(steps) == 0 {
		return nil
	}
	steps = slices.Clone(steps)
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) (err error) {
		defer recovered(ctx, logger, method, &err)
		return ownError(chain(invoke, steps)(ctx, method, req, reply, cc, opts...))
	}
}

// AroundStream is Around for streams. What the interceptors make of a stream is
// guarded, too.
func AroundStream(steps []grpc.StreamClientInterceptor, logger *slog.Logger) grpc.StreamClientInterceptor {
	if len(steps) == 0 {
		return nil
	}
	steps = slices.Clone(steps)
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (stream grpc.ClientStream, err error) {
		defer recovered(ctx, logger, method, &err)
		stream, err = chainStream(open, steps)(ctx, desc, cc, method, opts...)
		if err != nil {
			return nil, ownError(err)
		}
		return &ownStream{ClientStream: stream, logger: logger, method: method}, nil
	}
}

// ownStream is a stream as interceptors of the program's own have made it.
type ownStream struct {
	grpc.ClientStream
	logger *slog.Logger
	method string
}

// SendMsg implements grpc.ClientStream.
func (s *ownStream) SendMsg(m any) (err error) {
	defer recovered(s.Context(), s.logger, s.method, &err)
	return ownError(s.ClientStream.SendMsg(m))
}

// RecvMsg implements grpc.ClientStream.
func (s *ownStream) RecvMsg(m any) (err error) {
	defer recovered(s.Context(), s.logger, s.method, &err)
	return ownError(s.ClientStream.RecvMsg(m))
}

// CloseSend implements grpc.ClientStream.
func (s *ownStream) CloseSend() (err error) {
	defer recovered(s.Context(), s.logger, s.method, &err)
	return ownError(s.ClientStream.CloseSend())
}

// recovered makes an error of a panic.
func recovered(ctx context.Context, logger *slog.Logger, method string, err *error) {
	if cause := recover(); cause != nil {
		logger.ErrorContext(ctx, "panic in an interceptor",
			"method", method, "panic", panics.Text(cause), "stack", string(debug.Stack()))
		*err = &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "internal error"}
	}
}

// ownError keeps inside what is no status, and so was not meant for a client.
func ownError(err error) error {
	if err == nil || errors.Is(err, io.EOF) || apierror.As(err) != nil {
		return err
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	return &apierror.Error{Code: codes.Internal, Reason: apierror.Internal, Message: "internal error", Cause: err}
}
