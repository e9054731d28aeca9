package assembly

import (
	"context"
	"errors"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// ErrShuttingDown is why the context of a stream or a request ends that the
// process cannot wait for.
var ErrShuttingDown = errors.New("the gateway is shutting down")

// elsewhereAfter is when a client whose stream or request was ended may come to
// another gateway.
const elsewhereAfter = time.Second

// requestStreamEnd lets a stream end with the process.
func (b *builder) requestStreamEnd() Step {
	if b.env.Streams == nil || !b.rpc.Method.Call.IsStream() {
		return nil
	}
	streams := b.env.Streams
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancelCause(r.Context())
			defer cancel(nil)
			stop := context.AfterFunc(streams, func() { cancel(ErrShuttingDown) })
			defer stop()
			if streams.Err() != nil { // then nobody waits until it is told
				cancel(ErrShuttingDown)
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// StreamEnded returns what a client is told of a stream that the gateway has ended,
// or err.
func StreamEnded(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), ErrShuttingDown) {
		return err
	}
	return shuttingDown("the gateway is shutting down; open the stream again")
}

// RequestEnded is StreamEnded for what is no stream. It returns nil where the
// gateway has not ended the request, or err is what somebody said in time.
func RequestEnded(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), ErrShuttingDown) || status.Code(err) != codes.Canceled && !errors.Is(err, context.Canceled) {
		return nil
	}
	return shuttingDown("the gateway is shutting down and could not wait for the response")
}

func shuttingDown(message string) error {
	return &apierror.Error{
		Code: codes.Unavailable, Reason: apierror.ShuttingDown, Message: message, RetryAfter: elsewhereAfter,
	}
}
