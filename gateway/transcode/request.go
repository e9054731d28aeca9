package transcode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/transcode/router"
)

// decode binds a request to its message: body, then path, then query, the
// order in which a later source wins. It ends with ctx, at the next step; on the
// drop-in the call does that, as it does for generated handlers.
func (rt *Route) decode(ctx context.Context, r *http.Request, params []router.Param) (proto.Message, error) {
	message := rt.method.Call.NewRequest()
	if rt.options.DropIn {
		ctx = context.Background()
	}
	err := rt.bind(ctx, r, params, message)
	if ctx.Err() != nil {
		return nil, rt.ended(ctx)
	}
	if err != nil {
		return nil, rt.badRequest(err)
	}
	if err := rt.fill(r, message); err != nil {
		return nil, err
	}
	if r.Body != nil && r.Body != http.NoBody {
		// The server notices a client that leaves once the body is read. An error
		// is the body's, which nobody asked for.
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return message, nil
}

func (rt *Route) bind(ctx context.Context, r *http.Request, params []router.Param, message proto.Message) error {
	if err := rt.checkContentType(r); err != nil {
		return err
	}
	if rt.binding.Body != "" {
		inbound, _ := runtime.MarshalerForRequest(rt.mux, r)
		if rt.options.PassOverUnknown {
			inbound = passingOver(inbound)
		}
		if err := rt.body.bind(ctx, r, inbound, message); err != nil {
			return err
		}
	}
	if err := rt.path.bind(message, params); err != nil {
		return err
	}
	return rt.query.bind(r, message)
}

// passingOver returns a marshaler that reads JSON as the given one does and passes over
// unknown fields. Another format's is left alone.
func passingOver(inbound runtime.Marshaler) runtime.Marshaler {
	if body, ok := inbound.(*runtime.HTTPBodyMarshaler); ok {
		inbound = body.Marshaler
	}
	known, ok := inbound.(*runtime.JSONPb)
	if !ok {
		return inbound
	}
	lenient := &runtime.JSONPb{MarshalOptions: known.MarshalOptions, UnmarshalOptions: known.UnmarshalOptions}
	lenient.DiscardUnknown = true
	return lenient
}

// ended is the error of a request that nobody waits for any more, or whose own time
// is over, before its call.
func (rt *Route) ended(ctx context.Context) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return status.FromContextError(ctx.Err()).Err()
	}
	return &apierror.Error{
		Code: codes.DeadlineExceeded, Reason: apierror.TimeoutExceeded, Message: "the request's time was over before it was read",
	}
}

// quoted is what a decoder repeats of its input.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)

// discreet returns what a decoder says without what it repeats of a request that may
// hold a secret: the error may be kept where the request is not.
func (rt *Route) discreet(text string) string {
	if !rt.secrets {
		return text
	}
	return quoted.ReplaceAllString(text, `"..."`)
}

// badRequest turns what a decoder says into an error for the client.
func (rt *Route) badRequest(err error) error {
	var tooLarge *http.MaxBytesError
	switch own := apierror.As(err); {
	case own != nil:
		return own
	case rt.options.MaxRequestBytes > 0 && errors.As(err, &tooLarge):
		return &apierror.Error{
			Code:       codes.InvalidArgument,
			Reason:     apierror.RequestTooLarge,
			Message:    fmt.Sprintf("the request body is larger than %d bytes", tooLarge.Limit),
			HTTPStatus: http.StatusRequestEntityTooLarge,
		}
	case rt.options.DropIn:
		return status.Errorf(codes.InvalidArgument, "%v", err)
	default:
		return &apierror.Error{Code: codes.InvalidArgument, Reason: apierror.InvalidRequest, Message: rt.discreet(err.Error())}
	}
}
