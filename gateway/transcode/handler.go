package transcode

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/apierror"
)

// Invoker makes a unary call, as grpc.ClientConnInterface.Invoke does.
type Invoker func(ctx context.Context, method string, request, response any, opts ...grpc.CallOption) error

// Handler serves the route: it decodes the request, calls and writes the
// response. The request must carry an [Exchange].
func (rt *Route) Handler(invoke Invoker) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !rt.admit(w, r) {
			return
		}
		ctx, cancel, ok := rt.enter(w, r)
		if !ok {
			return
		}
		defer cancel()
		request, err := FromContext(ctx).messageWithin(ctx, r)
		if err != nil {
			rt.refuse(ctx, w, r, runtime.ServerMetadata{}, err)
			return
		}
		_, outbound := runtime.MarshalerForRequest(rt.mux, r)
		if p := rt.passThrough; p != nil && outbound == p.marshaler {
			rt.servePassing(ctx, invoke, w, r, request)
			return
		}
		rt.serveTyped(ctx, invoke, outbound, w, r, request)
	})
}

// serveTyped calls for a message and presents it.
func (rt *Route) serveTyped(ctx context.Context, invoke Invoker, outbound runtime.Marshaler, w http.ResponseWriter, r *http.Request, request proto.Message) {
	var md runtime.ServerMetadata
	response := rt.method.Call.NewResponse()
	err := invoke(ctx, rt.method.FullName, request, response, grpc.Header(&md.HeaderMD), grpc.Trailer(&md.TrailerMD))
	ctx = runtime.NewServerMetadataContext(ctx, md)
	if err != nil {
		rt.writeError(ctx, w, r, rt.failed(r, err))
		return
	}
	if err := rt.affordable(outbound, response); err != nil {
		rt.writeError(ctx, w, r, err)
		return
	}
	rt.presentCaching(w.Header(), md.HeaderMD)
	if !rt.conclude(w, r, response) {
		rt.write(ctx, outbound, w, r, response)
	}
}

// servePassing calls for wire bytes and passes them through.
func (rt *Route) servePassing(ctx context.Context, invoke Invoker, w http.ResponseWriter, r *http.Request, request proto.Message) {
	frame := newFrame(rt.method.Call.NewResponse)
	defer frame.free()
	if rt.options.Plain && !rt.options.CachingMetadata {
		if err := invoke(ctx, rt.method.FullName, request, frame, rt.passThrough.options...); err != nil {
			rt.writeError(ctx, w, r, rt.failed(r, err))
			return
		}
		if !rt.conclude(w, r, frame) {
			rt.passThrough.write(ctx, rt, w, r, frame)
		}
		return
	}
	var md runtime.ServerMetadata
	options := append(rt.passThrough.options[:1:1], grpc.Header(&md.HeaderMD), grpc.Trailer(&md.TrailerMD))
	err := invoke(ctx, rt.method.FullName, request, frame, options...)
	ctx = runtime.NewServerMetadataContext(ctx, md)
	if err != nil {
		rt.writeError(ctx, w, r, rt.failed(r, err))
		return
	}
	rt.presentCaching(w.Header(), md.HeaderMD)
	if !rt.conclude(w, r, frame) {
		rt.passThrough.write(ctx, rt, w, r, frame)
	}
}

// presentCaching tells the cache before the route, and the client, what the
// upstream says of storing its response.
func (rt *Route) presentCaching(h http.Header, md metadata.MD) {
	if !rt.options.CachingMetadata {
		return
	}
	for key, name := range map[string]string{
		"cache-control": "Cache-Control",
		"etag":          "Etag",
		"expires":       "Expires",
		"last-modified": "Last-Modified",
		"vary":          "Vary",
	} {
		if values := md.Get(key); len(values) > 0 && name == "Vary" {
			h[name] = append(slices.Clip(h[name]), values...) // CORS and compression vary, too
		} else if len(values) > 0 {
			h[name] = values
		}
	}
}

// WriteError writes an error through the mux's error handler.
func (rt *Route) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	rt.writeError(r.Context(), w, r, err)
}

func (rt *Route) writeError(ctx context.Context, w http.ResponseWriter, r *http.Request, err error) {
	rt.tell(ctx, err)
	writeError(ctx, rt.mux, w, r, err)
}

// tell tells of an error that the client reads.
func (rt *Route) tell(ctx context.Context, err error) {
	if rt.options.OnError != nil {
		rt.options.OnError(ctx, err)
	}
}

// WriteError writes an error through the mux's error handler.
func WriteError(mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request, err error) {
	writeError(r.Context(), mux, w, r, err)
}

func writeError(ctx context.Context, mux *runtime.ServeMux, w http.ResponseWriter, r *http.Request, err error) {
	_, outbound := runtime.MarshalerForRequest(mux, r)
	if own := apierror.As(err); own != nil {
		setRetryAfter(w.Header(), own.RetryAfter)
		if own.HTTPStatus != 0 {
			err = &runtime.HTTPStatusError{HTTPStatus: own.HTTPStatus, Err: err}
		}
	} else {
		err = affordableError(err)
	}
	runtime.HTTPError(ctx, mux, outbound, w, r, err)
}

// setRetryAfter tells when to come back, in whole seconds and never too early.
func setRetryAfter(h http.Header, after time.Duration) {
	if after > 0 && h.Get("Retry-After") == "" {
		seconds := (after + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
}
