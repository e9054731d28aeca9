package blame

import (
	"context"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/apierror"
)

// serversTake is the most bytes of a message that gRPC's servers take, in every
// language, unless they are told otherwise.
const serversTake = 4 << 20

// OfCall returns who caused the failure of an attempt, which returned err under
// ctx. A nil attempt was not watched.
func (c Conn) OfCall(ctx context.Context, request any, a *Attempt, err error) Fault {
	return c.of(ctx, request, a.seen(), err)
}

func (c Conn) of(ctx context.Context, request any, s seen, err error) Fault {
	st, ok := status.FromError(err)
	switch {
	case !ok || apierror.As(err) != nil:
		return Upstream // it is explained already, or by nobody
	case c.Remote && !s.opened:
		return unsent(ctx, st.Code())
	}
	switch st.Code() {
	case codes.Internal, codes.Unknown:
		if md, _ := metadata.FromOutgoingContext(ctx); c.unreadable(request) || forbidden(md) {
			return Malformed
		}
	case codes.ResourceExhausted, codes.OutOfRange:
		return c.size(request, st, s.refusedHere(st))
	}
	return Upstream
}

// unsent explains a call without a stream.
func unsent(ctx context.Context, code codes.Code) Fault {
	switch code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return Upstream // nobody could be reached, in time
	case codes.Internal:
		md, _ := metadata.FromOutgoingContext(ctx)
		switch {
		case !valid(md):
			return Malformed
		case listSize(md) > leastAnnounced:
			return HeadersTooLarge
		}
	}
	return Unsent
}

// size explains a refusal that may be one of a message's size.
func (c Conn) size(request any, st *status.Status, refusedHere bool) Fault {
	size := sizeOf(request)
	switch {
	case saysTooLarge(st):
		return ResponseTooLarge
	case st.Code() != codes.ResourceExhausted:
		return Upstream
	case c.MaxSendBytes > 0 && size > c.MaxSendBytes, size > serversTake && !refusedHere:
		return RequestTooLarge
	case refusedHere:
		return ResponseTooLarge
	}
	return Upstream
}

// saysTooLarge reports whether the upstream says that its own response was too
// large, by the reason that the gateway itself has for it.
func saysTooLarge(st *status.Status) bool {
	return slices.ContainsFunc(st.Details(), func(detail any) bool {
		info, ok := detail.(*errdetails.ErrorInfo)
		return ok && info.GetReason() == string(apierror.ResponseTooLarge)
	})
}

func sizeOf(request any) int {
	if m, ok := request.(proto.Message); ok {
		return proto.Size(m)
	}
	return 0
}
