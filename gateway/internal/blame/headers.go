package blame

import (
	"strings"

	"google.golang.org/grpc/metadata"
)

const (
	// fieldOverhead is what RFC 9113 (6.5.2) adds to the size of each field.
	fieldOverhead = 32
	// leastAnnounced is less than any peer announces as the header list that it
	// takes: metadata below it was not too large.
	leastAnnounced = 4 << 10
)

// listSize is the size of metadata as HTTP/2 counts it, at least.
func listSize(md metadata.MD) int {
	size := 0
	for key, values := range md {
		for _, value := range values {
			size += len(key) + len(value) + fieldOverhead
		}
	}
	return size
}

// forbidden reports whether metadata has a field that HTTP/2 forbids or that says
// something about the connection or the body (RFC 9113, 8.1.1 and 8.2.2): a server
// resets the stream of such a call.
func forbidden(md metadata.MD) bool {
	for key := range md {
		switch key {
		case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "host", "content-length":
			return true
		}
	}
	return false
}

// valid reports whether gRPC takes metadata as it is.
func valid(md metadata.MD) bool {
	for key, values := range md {
		if key == "" || strings.ContainsFunc(key, notInKey) {
			return false
		}
		for _, value := range values {
			if !strings.HasSuffix(key, "-bin") && strings.ContainsFunc(value, notPrintable) {
				return false
			}
		}
	}
	return true
}

func notInKey(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
}

func notPrintable(c rune) bool { return c < ' ' || c > '~' }
