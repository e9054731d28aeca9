package transcode

import (
	"context"
	"errors"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/internal/forward"
)

// enter returns the context that a request's call runs in, with its metadata;
// cancel ends what is left of the call. It refuses a request that cannot be sent.
func (rt *Route) enter(w http.ResponseWriter, r *http.Request) (ctx context.Context, cancel context.CancelFunc, ok bool) {
	base, cancel := rt.callContext(r)
	ctx, cancelTimeout, err := rt.compose(base, r)
	if err != nil {
		defer cancel()
		rt.writeError(base, w, r, rt.unsendable(err))
		return nil, nil, false
	}
	if rt.options.DropIn || rt.method.Call.IsStream() { // whose cancel ends the timeout, too
		return ctx, cancel, true
	}
	return ctx, cancelTimeout, true
}

// unsendable returns what the client is told of a header that cannot be sent on.
func (rt *Route) unsendable(err error) error {
	switch _, stock := status.FromError(err); {
	case apierror.As(err) != nil:
		return err
	case errors.Is(err, forward.ErrTooLarge):
		return &apierror.Error{
			Code:       codes.InvalidArgument,
			Reason:     apierror.HeadersTooLarge,
			Message:    err.Error(),
			HTTPStatus: http.StatusRequestHeaderFieldsTooLarge,
		}
	case stock && rt.options.DropIn:
		return err
	case stock:
		return rt.badRequest(errors.New(status.Convert(err).Message()))
	default:
		return rt.badRequest(err)
	}
}

// callContext returns the context of a request's call, without metadata.
func (rt *Route) callContext(r *http.Request) (context.Context, context.CancelFunc) {
	ctx := rt.valuesContext(r.Context())
	if !rt.options.DropIn && !rt.method.Call.IsStream() {
		return ctx, func() {} // the server ends it behind the handler, and a unary call with it
	}
	return context.WithCancel(ctx)
}

// valuesContext returns the context whose values a request's call has.
func (rt *Route) valuesContext(ctx context.Context) context.Context {
	if rt.options.Context != nil && rt.method.Options.RegistrationContext {
		return registered{rt.options.Context, ctx}
	}
	return ctx
}

// registered is the context of registration, which also finds what the
// gateway's own steps have left in the request's.
type registered struct {
	context.Context
	request context.Context
}

// Value implements context.Context.
func (c registered) Value(key any) any {
	if value := c.Context.Value(key); value != nil {
		return value
	}
	return c.request.Value(key)
}

// refuse writes the error of a request whose call was not made, or was ended by the error.
func (rt *Route) refuse(ctx context.Context, w http.ResponseWriter, r *http.Request, md runtime.ServerMetadata, err error) {
	rt.writeError(runtime.NewServerMetadataContext(ctx, md), w, r, err)
}
