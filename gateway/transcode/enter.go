package transcode

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// enter returns the context that a request's call runs in, with what the mux
// adds to it; cancel ends what is left of the call. It refuses a request that
// the mux refuses.
func (rt *Route) enter(w http.ResponseWriter, r *http.Request) (ctx context.Context, cancel context.CancelFunc, ok bool) {
	base, cancel := rt.callContext(r)
	if rt.options.Plain {
		ctx, cancelTimeout, err := plainContext(base, r, rt.options.Outgoing)
		if err != nil {
			defer cancel()
			if apierror.As(err) == nil {
				err = rt.badRequest(err)
			}
			writeError(base, rt.mux, w, r, err)
			return nil, nil, false
		}
		if rt.method.Call.IsStream() { // whose cancel ends the timeout, too
			return ctx, cancel, true
		}
		return ctx, cancelTimeout, true
	}
	ctx, err := runtime.AnnotateContext(base, rt.mux, r, rt.rpcName, runtime.WithHTTPPathPattern(rt.binding.Path))
	if err == nil {
		if ctx, err = rt.outgoing(ctx); err == nil {
			return ctx, cancel, true
		}
	}
	defer cancel()
	if !rt.options.DropIn && apierror.As(err) == nil {
		err = rt.badRequest(errors.New(status.Convert(err).Message()))
	}
	writeError(base, rt.mux, w, r, err)
	return nil, nil, false
}

// outgoing adds what the gateway itself tells upstreams, which nobody else can.
func (rt *Route) outgoing(ctx context.Context) (context.Context, error) {
	md, _ := metadata.FromOutgoingContext(ctx)
	for key := range md {
		if strings.HasPrefix(key, "x-venta-") {
			delete(md, key)
		}
	}
	ctx = metadata.NewOutgoingContext(ctx, md)
	if rt.options.Outgoing == nil {
		return ctx, nil
	}
	pairs, err := rt.options.Outgoing(ctx, nil)
	if err != nil || len(pairs) == 0 {
		return ctx, err
	}
	return metadata.AppendToOutgoingContext(ctx, pairs...), nil
}

// callContext returns the context of a request's call, without metadata.
func (rt *Route) callContext(r *http.Request) (context.Context, context.CancelFunc) {
	ctx := r.Context()
	if rt.options.Context != nil && rt.method.Options.RegistrationContext {
		ctx = registered{rt.options.Context, ctx}
	}
	if !rt.options.DropIn && !rt.method.Call.IsStream() {
		return ctx, func() {} // the server ends it behind the handler, and a unary call with it
	}
	return context.WithCancel(ctx)
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
	writeError(runtime.NewServerMetadataContext(ctx, md), rt.mux, w, r, err)
}
