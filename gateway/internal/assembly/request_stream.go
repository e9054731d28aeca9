package assembly

import (
	"context"
	"errors"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/stream"
)

// ErrShuttingDown is why the context of a stream or a request ends that the
// process cannot wait for.
var ErrShuttingDown = errors.New("the gateway is shutting down")

// elsewhereAfter is when a client whose stream or request was ended may come to
// another gateway.
const elsewhereAfter = time.Second

// requestStreamEnd lets a stream end with the process, and with the credentials that
// opened it.
func (b *builder) requestStreamEnd() Step {
	if !b.rpc.Method.Call.IsStream() || b.env.Streams == nil && b.rpc.Policy.Auth == nil {
		return nil
	}
	end := streamEnd{process: b.env.Streams, policy: b.rpc.Policy.Stream}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, stop := end.within(r.Context())
			defer stop()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// streamEnd is what ends the streams of an RPC.
type streamEnd struct {
	process context.Context // nil: nobody tells of its end
	policy  *policy.Stream  // nil: the RPC has none
}

// within returns the context of a stream, and what gives it back.
func (e streamEnd) within(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stops := []func() bool{}
	if p, ok := auth.FromContext(ctx); ok && !p.Expires.IsZero() {
		stops = append(stops, time.AfterFunc(time.Until(p.Expires), func() { cancel(errExpired) }).Stop)
	}
	if e.process != nil {
		shutdown := func() { cancel(e.leaves()) }
		stops = append(stops, context.AfterFunc(e.process, shutdown))
		if e.process.Err() != nil { // then nobody waits until it is told
			shutdown()
		}
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel(nil)
	}
}

// leaves returns why a stream ends with the process. Clients of one that says when they
// come again do so one by one.
func (e streamEnd) leaves() error {
	after := elsewhereAfter
	if e.policy != nil {
		after = stream.RetryAfterEnd(*e.policy)
	}
	return &leaving{after}
}

// leaving is [ErrShuttingDown] with when the client may come again.
type leaving struct{ retryAfter time.Duration }

// Error implements error.
func (*leaving) Error() string { return ErrShuttingDown.Error() }

// Unwrap tells what it is.
func (*leaving) Unwrap() error { return ErrShuttingDown }

// errExpired is why the context of a stream ends whose credentials have.
var errExpired = errors.New("the credentials of the stream have expired")

// StreamEnded returns what a client is told of a stream that the gateway has ended,
// or err.
func StreamEnded(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, errExpired) {
		return &apierror.Error{
			Code: codes.Unauthenticated, Reason: apierror.CredentialsExpired, Message: "the credentials have expired; open the stream again with new ones",
		}
	}
	if !errors.Is(cause, ErrShuttingDown) {
		return err
	}
	own := shuttingDown("the gateway is shutting down; open the stream again")
	if end, ok := errors.AsType[*leaving](cause); ok {
		own.RetryAfter = end.retryAfter
	}
	return own
}

// RequestEnded is StreamEnded for what is no stream. It returns nil where the
// gateway has not ended the request, or err is what somebody said in time.
func RequestEnded(ctx context.Context, err error) error {
	if !errors.Is(context.Cause(ctx), ErrShuttingDown) || status.Code(err) != codes.Canceled && !errors.Is(err, context.Canceled) {
		return nil
	}
	return shuttingDown("the gateway is shutting down and could not wait for the response")
}

func shuttingDown(message string) *apierror.Error {
	return &apierror.Error{
		Code: codes.Unavailable, Reason: apierror.ShuttingDown, Message: message, RetryAfter: elsewhereAfter,
	}
}
