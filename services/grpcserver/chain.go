package grpcserver

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"buf.build/go/protovalidate"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	grpcauth "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/selector"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	ventarecovery "github.com/venta-hq/venta/gateway/recovery"
	"github.com/venta-hq/venta/services/fault"
)

// chain assembles what stands around the handlers; [New] draws the order.
func chain(o Options, validator protovalidate.Validator) (unary, stream grpc.ServerOption) {
	var (
		own     = selector.MatchFunc(ownService)
		onPanic = recovery.WithRecoveryHandlerContext(recovered(o.Logger))
		logger  = logging.LoggerFunc(func(ctx context.Context, level logging.Level, message string, fields ...any) {
			o.Logger.Log(ctx, slog.Level(level), message, fields...)
		})
		events   = logging.WithLogOnEvents(logging.FinishCall)
		levels   = logging.WithLevels(level)
		verify   = o.server.Authenticate
		results  = outcome{logger: o.Logger}
		validate = validation{validator: validator}
	)
	unary = grpc.ChainUnaryInterceptor(
		recovery.UnaryServerInterceptor(onPanic),
		selector.UnaryServerInterceptor(logging.UnaryServerInterceptor(logger, events, levels), own),
		sized,
		results.unary,
		selector.UnaryServerInterceptor(grpcauth.UnaryServerInterceptor(verify), own),
		selector.UnaryServerInterceptor(validate.unary, own),
	)
	stream = grpc.ChainStreamInterceptor(
		recovery.StreamServerInterceptor(onPanic),
		selector.StreamServerInterceptor(logging.StreamServerInterceptor(logger, events, levels), own),
		results.stream,
		selector.StreamServerInterceptor(grpcauth.StreamServerInterceptor(verify), own),
		selector.StreamServerInterceptor(validate.stream, own),
	)
	return unary, stream
}

// ownService is false for health and reflection alone: a service that nobody
// thought of is guarded.
func ownService(_ context.Context, call interceptors.CallMeta) bool {
	switch call.Service {
	case healthpb.Health_ServiceDesc.ServiceName,
		"grpc.reflection.v1.ServerReflection",
		"grpc.reflection.v1alpha.ServerReflection":
		return false
	}
	return true
}

// level keeps calls that went well out of the way.
func level(code codes.Code) logging.Level {
	if code == codes.OK {
		return logging.LevelDebug
	}
	return logging.DefaultServerCodeToLevel(code)
}

func recovered(logger *slog.Logger) recovery.RecoveryHandlerFuncContext {
	return func(ctx context.Context, value any) error {
		logger.ErrorContext(ctx, "a handler panicked", "panic", ventarecovery.Text(value), "stack", string(debug.Stack()))
		return fault.Internal()
	}
}

// outcome turns a handler's error into what the caller may see.
type outcome struct{ logger *slog.Logger }

func (o outcome) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	response, err := handle(ctx, req)
	return response, o.of(ctx, info.FullMethod, err)
}

func (o outcome) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	return o.of(stream.Context(), info.FullMethod, handle(srv, stream))
}

func (o outcome) of(ctx context.Context, method string, err error) error {
	if err == nil {
		return nil
	}
	// The gateway must not take a service's refusal for its own.
	if refused := apierror.As(err); refused != nil && refused.Code == codes.Unauthenticated {
		return fault.Unauthenticated(refused.Message)
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) { // what wraps it stays here
			return status.FromContextError(ended).Err()
		}
	}
	if cause := fault.Cause(err); cause != nil {
		o.logger.WarnContext(ctx, "a call failed for now", "method", method, "error", cause)
	}
	switch st := status.Convert(err); st.Code() {
	case codes.Unknown, codes.Internal, codes.DataLoss:
		o.logger.ErrorContext(ctx, "a call failed", "method", method, "error", err)
		return fault.Internal()
	default:
		return st.Err()
	}
}
