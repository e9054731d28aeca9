package stream

import (
	"strconv"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/policy"
)

// codeName returns a status as the schema of gRPC writes it, such as "UNAVAILABLE".
func codeName(c codes.Code) string {
	if name, ok := code.Code_name[int32(c)]; ok {
		return name
	}
	return "UNKNOWN"
}

// retryAfter returns when a client may come again: as the status says, else as the
// policy does.
func retryAfter(st *status.Status, p policy.Stream) time.Duration {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok && info.GetRetryDelay().AsDuration() > 0 {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return retryOf(p)
}

// countJSON is what a client reads of messages that it has lost.
func countJSON(messages int) []byte {
	return strconv.AppendInt(nil, int64(messages), 10)
}
