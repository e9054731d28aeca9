package fault

import (
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestEveryFaultCarriesItsReason(t *testing.T) {
	tests := map[string]struct {
		err     error
		code    codes.Code
		reason  string
		message string
		details int
	}{
		"not found":       {NotFound("vendor"), codes.NotFound, ReasonNotFound, "vendor not found", 1},
		"invalid":         {Invalid("name", "is too long"), codes.InvalidArgument, ReasonInvalidArgument, "name: is too long", 2},
		"unauthenticated": {Unauthenticated("who?"), codes.Unauthenticated, ReasonUnauthenticated, "who?", 1},
		"role":            {RoleMissing(), codes.PermissionDenied, ReasonRoleMissing, "the caller may not do this", 1},
		"too many":        {TooMany("box", "narrow the box"), codes.FailedPrecondition, ReasonTooMany, "narrow the box", 2},
		"too large":       {ResponseTooLarge(), codes.OutOfRange, ReasonResponseTooLarge, "the response is too large", 1},
		"busy":            {Busy(), codes.Unavailable, ReasonBusy, "the service is busy", 1},
		"internal":        {Internal(), codes.Internal, ReasonInternal, "internal error", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			st, ok := status.FromError(test.err)
			if !ok || st.Code() != test.code || st.Message() != test.message || len(st.Details()) != test.details {
				t.Fatalf("%v with %d details", test.err, len(st.Details()))
			}
			info, ok := st.Details()[0].(*errdetails.ErrorInfo)
			if !ok || info.Reason != test.reason || info.Domain != Domain {
				t.Errorf("info %v", st.Details()[0])
			}
		})
	}
}

// A text that is not UTF-8 cannot be encoded as a detail.
func TestAFaultOutlivesItsDetails(t *testing.T) {
	err := Invalid("\xff", "\xfe")
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("error %v", err)
	}
}
