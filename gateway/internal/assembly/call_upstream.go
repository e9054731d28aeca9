package assembly

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// callUpstream makes the call itself: bounded in size, and with errors that hold
// nothing of the upstream's internals.
func (b *builder) callUpstream() grpc.UnaryInvoker {
	conn, edge := b.rpc.Conn, b.env.Edge
	limit := edge.responseBound(b.rpc.Policy.Limits)
	oversized := b.callOversized()
	var bound []grpc.CallOption
	if limit > 0 {
		bound = append(bound, grpc.MaxCallRecvMsgSize(int(limit)))
	}
	return func(ctx context.Context, method string, req, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption) error {
		err := conn.Invoke(ctx, method, req, reply, append(slices.Clip(opts), bound...)...)
		if oversized != nil && err == nil {
			oversized(ctx, reply)
		}
		return edge.upstreamError(err, limit)
	}
}

// upstreamError returns what the client may see of an upstream's error, where
// messages are bounded by limit.
func (e Edge) upstreamError(err error, limit int64) error {
	if limit > 0 && tooLarge(err) {
		return &apierror.Error{
			Code:       codes.OutOfRange,
			Reason:     apierror.ResponseTooLarge,
			Message:    fmt.Sprintf("the service's response is larger than %d bytes", limit),
			HTTPStatus: http.StatusBadGateway,
			Cause:      err,
		}
	}
	return e.fromUpstream(err)
}

// tooLarge recognises grpc-go's own refusal by its text, as its code is shared
// with an upstream's RESOURCE_EXHAUSTED. A test holds it to the real text.
func tooLarge(err error) bool {
	st, ok := status.FromError(err)
	return ok && st.Code() == codes.ResourceExhausted &&
		strings.HasPrefix(st.Message(), "grpc: received message") && strings.Contains(st.Message(), "larger than max")
}
