package assembly

import (
	"context"
	"errors"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// errShuttingDown is why streams end that the process cannot wait for.
var errShuttingDown = errors.New("the gateway is shutting down")

// reopenAfter is when a client whose stream was ended may open it elsewhere.
const reopenAfter = time.Second

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
			stop := context.AfterFunc(streams, func() { cancel(errShuttingDown) })
			defer stop()
			if streams.Err() != nil { // then nobody waits until it is told
				cancel(errShuttingDown)
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// StreamEnded returns what a client is told of a stream that the gateway has ended,
// or err.
func StreamEnded(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), errShuttingDown) {
		return err
	}
	return &apierror.Error{
		Code:       codes.Unavailable,
		Reason:     apierror.ShuttingDown,
		Message:    "the gateway is shutting down; open the stream again",
		RetryAfter: reopenAfter,
	}
}
