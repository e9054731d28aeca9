package assembly

import (
	"context"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
)

// refused tells which block an error is the refusal of, if any. Rate limits are told
// by their observer, which knows the limit's name.
func refused(ctx context.Context, err error) {
	if block, reason := telemetry.Refusal(err); block != "" && reason != string(apierror.RateLimited) {
		telemetry.Refused(ctx, block, reason, "")
	}
}

// refuse writes a refusal as the mux of the request's route presents errors.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	refused(r.Context(), err)
	transcode.FromContext(r.Context()).Route.WriteError(w, r, err)
}

// callRefusals tells which policy around a call has refused it.
func (b *builder) callRefusals() grpc.UnaryClientInterceptor {
	if !b.env.traces() {
		return nil
	}
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := call(ctx, method, req, reply, cc, opts...)
		if err != nil {
			refused(ctx, err)
		}
		return err
	}
}

// streamRefusals tells which policy has refused a stream before it began. What ends
// one that has begun is told where the response ends.
func (b *builder) streamRefusals() grpc.StreamClientInterceptor {
	if !b.env.traces() {
		return nil
	}
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		stream, err := open(ctx, desc, cc, method, opts...)
		if err != nil {
			refused(ctx, err)
		}
		return stream, err
	}
}

// conditionRefusals tells which requests' own conditions have refused them.
func (b *builder) conditionRefusals(c transcode.Conditions) transcode.Conditions {
	if !b.env.traces() {
		return c
	}
	return toldConditions{c}
}

type toldConditions struct{ transcode.Conditions }

// Admit implements transcode.Conditions.
func (c toldConditions) Admit(r *http.Request) error {
	err := c.Conditions.Admit(r)
	refused(r.Context(), err)
	return err
}

// Failed implements transcode.Conditions.
func (c toldConditions) Failed(r *http.Request, err error) error {
	told := c.Conditions.Failed(r, err)
	if apierror.As(told) != apierror.As(err) {
		refused(r.Context(), told)
	}
	return told
}

// Present implements transcode.Conditions.
func (c toldConditions) Present(h http.Header, r *http.Request, response proto.Message) (notModified bool, err error) {
	notModified, err = c.Conditions.Present(h, r, response)
	refused(r.Context(), err)
	return notModified, err
}
