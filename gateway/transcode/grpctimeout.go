package transcode

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"
)

// withTimeout makes a Grpc-Timeout the deadline of a call.
func withTimeout(ctx context.Context, r *http.Request) (context.Context, context.CancelFunc, error) {
	text := r.Header.Get("Grpc-Timeout")
	if text == "" {
		return ctx, func() {}, nil
	}
	timeout, err := parseTimeout(text)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	return ctx, cancel, nil
}

// parseTimeout parses a Grpc-Timeout, such as "250m" (gRPC over HTTP2, Timeout).
// One that is too long for a Duration is the longest there is.
func parseTimeout(text string) (time.Duration, error) {
	last := len(text) - 1
	unit := timeoutUnit(text[last])
	value, err := strconv.ParseUint(text[:last], 10, 64)
	if unit == 0 || err != nil {
		return 0, fmt.Errorf("Grpc-Timeout %q is not a number and one of H, M, S, m, u, n", text)
	}
	if value > math.MaxInt64/uint64(unit) {
		return math.MaxInt64, nil
	}
	return time.Duration(value) * unit, nil
}

// timeoutUnit returns the unit of the gRPC wire protocol, or 0.
func timeoutUnit(c byte) time.Duration {
	switch c {
	case 'H':
		return time.Hour
	case 'M':
		return time.Minute
	case 'S':
		return time.Second
	case 'm':
		return time.Millisecond
	case 'u':
		return time.Microsecond
	case 'n':
		return time.Nanosecond
	default:
		return 0
	}
}
