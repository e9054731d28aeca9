package stream

import (
	"github.com/coder/websocket"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// ofStatus is the first of the close codes that are a gRPC status: 4000 and its number.
const ofStatus = 4000

// closeCode returns the code and the reason of a connection's end.
func closeCode(st *status.Status) (websocket.StatusCode, string) {
	reason := ownReason(st)
	switch reason {
	case apierror.ShuttingDown:
		return websocket.StatusServiceRestart, string(reason)
	case apierror.Overloaded:
		return websocket.StatusTryAgainLater, string(reason)
	case apierror.RequestTooLarge:
		return websocket.StatusMessageTooBig, string(reason)
	case UnsupportedFrame:
		return websocket.StatusUnsupportedData, string(reason)
	case SlowConsumer, ReceivedTooMuch:
		return websocket.StatusPolicyViolation, string(reason)
	}
	if st.Code() == codes.OK {
		return websocket.StatusNormalClosure, codeName(codes.OK)
	}
	if reason == "" || len(reason) > mostReason {
		reason = apierror.Reason(codeName(st.Code()))
	}
	code := st.Code()
	if code > codes.Unauthenticated { // no status of gRPC
		code = codes.Unknown
	}
	return ofStatus + websocket.StatusCode(code), string(reason)
}

// mostReason is what a close frame holds beside its code.
const mostReason = 123

// ownReason returns the reason that the gateway itself gives; "": it gives none.
func ownReason(st *status.Status) apierror.Reason {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == apierror.Domain {
			return apierror.Reason(info.GetReason())
		}
	}
	return ""
}
