package gateway

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

// comeBack is when a client whose stream was ended may open it elsewhere.
const comeBack = time.Second

// EndStreams ends every stream with UNAVAILABLE and the reason SHUTTING_DOWN, and
// at once those that begin later. Other requests go on. It is what a process does
// at the end of its drain, as streams do not end by themselves.
func (g *Gateway) EndStreams() { g.endStreams() }

// endable ends a stream's request with the gateway's streams.
func (g *Gateway) endable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		stop := context.AfterFunc(g.streams, func() { cancel(errShuttingDown) })
		defer stop()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// endedByUs returns what a client is told of a stream that the gateway has ended,
// or err.
func endedByUs(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), errShuttingDown) {
		return err
	}
	return &apierror.Error{
		Code:       codes.Unavailable,
		Reason:     apierror.ShuttingDown,
		Message:    "the gateway is shutting down; open the stream again",
		RetryAfter: comeBack,
	}
}
