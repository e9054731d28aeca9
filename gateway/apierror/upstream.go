package apierror

import (
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// FromUpstream turns what an upstream call returned into what a client may see.
// The message of a failure (UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS,
// DEADLINE_EXCEEDED, UNIMPLEMENTED) may hold addresses or code and becomes the Cause
// of a gateway error with the same code; that of CANCELLED, which the transport
// writes, is replaced. Business errors pass, without the details that are not for
// clients: DebugInfo, what cannot be read, and the gateway's own domain.
func FromUpstream(err error) error {
	if err == nil || As(err) != nil {
		return err
	}
	switch code := status.Code(err); code {
	case codes.Unavailable:
		return &Error{Code: code, Reason: UpstreamUnavailable, Message: "the service is not available", Cause: err}
	case codes.DeadlineExceeded:
		return &Error{Code: code, Reason: TimeoutExceeded, Message: "the service did not respond in time", Cause: err}
	case codes.Unknown, codes.Internal, codes.DataLoss, codes.Unimplemented:
		return &Error{Code: code, Reason: UpstreamFailed, Message: "the service failed", Cause: err}
	case codes.Canceled:
		return status.Error(code, "the call was cancelled")
	default:
		return discreet(err)
	}
}

// maxDetailDepth bounds how deep statuses stand in the details of statuses.
const maxDetailDepth = 4

// discreet returns an upstream's status with the details that clients may see.
func discreet(err error) error {
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	said := st.Proto() // a copy
	if len(said.GetDetails()) == 0 || !sift(said, maxDetailDepth) {
		return err
	}
	return status.ErrorProto(said)
}

// sift takes out of a status, and of those in its details, what clients may not
// see. It reports whether that was anything.
func sift(st *spb.Status, depth int) (changed bool) {
	kept := make([]*anypb.Any, 0, len(st.GetDetails()))
	for _, detail := range st.GetDetails() {
		visible := sifted(detail, depth)
		changed = changed || visible != detail
		if visible != nil {
			kept = append(kept, visible)
		}
	}
	st.Details = kept
	return changed
}

// sifted returns what clients may see of a detail: itself, another, or nil. What
// no type is known of cannot be presented in JSON, and would cost the whole error.
func sifted(detail *anypb.Any, depth int) *anypb.Any {
	message, err := detail.UnmarshalNew()
	if err != nil || depth == 0 {
		return nil
	}
	switch said := message.(type) {
	case *errdetails.DebugInfo:
		return nil
	case *errdetails.ErrorInfo:
		if !strings.EqualFold(strings.TrimSpace(said.GetDomain()), Domain) {
			return detail
		}
		said.Domain = UpstreamDomain
	case *spb.Status:
		if !sift(said, depth-1) {
			return detail
		}
	case *anypb.Any:
		return sifted(said, depth-1) // a wrapping says nothing
	default:
		return detail
	}
	return packed(message)
}

func packed(m proto.Message) *anypb.Any {
	detail, err := anypb.New(m)
	if err != nil {
		return nil
	}
	return detail
}
