package assembly

import (
	"context"
	"net/http"
	"slices"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/transcode"
)

// wrap puts steps around a handler, the first outermost. A nil step is absent.
func wrap(h http.Handler, steps ...Step) http.Handler {
	for _, step := range slices.Backward(steps) {
		if step != nil {
			h = step(h)
		}
	}
	return h
}

// intercept puts steps around a call, the first outermost. A nil step is absent.
func intercept(call grpc.UnaryInvoker, steps []grpc.UnaryClientInterceptor) transcode.Invoker {
	call = chain(call, steps)
	return func(ctx context.Context, method string, request, response any, opts ...grpc.CallOption) error {
		return call(ctx, method, request, response, nil, opts...)
	}
}

func chain(call grpc.UnaryInvoker, steps []grpc.UnaryClientInterceptor) grpc.UnaryInvoker {
	for _, step := range slices.Backward(steps) {
		if step == nil {
			continue
		}
		next := call
		call = func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
			return step(ctx, method, req, reply, cc, next, opts...)
		}
	}
	return call
}

// interceptStream puts steps around a stream, the first outermost. A nil step is
// absent.
func interceptStream(open transcode.Opener, steps []grpc.StreamClientInterceptor) transcode.Opener {
	streamer := chainStream(func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		return open(ctx, desc, method, opts...)
	}, steps)
	return func(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		return streamer(ctx, desc, nil, method, opts...)
	}
}

func chainStream(open grpc.Streamer, steps []grpc.StreamClientInterceptor) grpc.Streamer {
	for _, step := range slices.Backward(steps) {
		if step == nil {
			continue
		}
		next := open
		open = func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return step(ctx, desc, cc, method, next, opts...)
		}
	}
	return open
}
