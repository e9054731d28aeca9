package stream

import (
	"testing"

	"github.com/coder/websocket"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// TestCloseCodes holds the table of docs/streams.md.
func TestCloseCodes(t *testing.T) {
	own := func(code codes.Code, reason apierror.Reason) *status.Status {
		return status.Convert(&apierror.Error{Code: code, Reason: reason, Message: "x"})
	}
	tests := []struct {
		st     *status.Status
		code   websocket.StatusCode
		reason string
	}{
		{status.New(codes.OK, ""), 1000, "OK"},
		{own(codes.Unavailable, apierror.ShuttingDown), 1012, "SHUTTING_DOWN"},
		{own(codes.Unavailable, apierror.Overloaded), 1013, "OVERLOADED"},
		{own(codes.ResourceExhausted, apierror.RequestTooLarge), 1009, "REQUEST_TOO_LARGE"},
		{own(codes.InvalidArgument, UnsupportedFrame), 1003, "UNSUPPORTED_FRAME"},
		{own(codes.ResourceExhausted, SlowConsumer), 1008, "SLOW_CONSUMER"},
		{own(codes.ResourceExhausted, ReceivedTooMuch), 1008, "RECEIVED_TOO_MUCH"},
		{own(codes.Unauthenticated, apierror.CredentialsExpired), 4016, "CREDENTIALS_EXPIRED"},
		{own(codes.DeadlineExceeded, "STREAM_IDLE"), 4004, "STREAM_IDLE"},
		{status.New(99, ""), 4002, "UNKNOWN"},
	}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		tests = append(tests, struct {
			st     *status.Status
			code   websocket.StatusCode
			reason string
		}{status.New(code, ""), 4000 + websocket.StatusCode(code), codeName(code)})
	}
	for _, tt := range tests {
		if code, reason := closeCode(tt.st); code != tt.code || reason != tt.reason {
			t.Errorf("%v: %d %s, want %d %s", tt.st, code, reason, tt.code, tt.reason)
		}
	}
}
