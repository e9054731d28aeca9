package gateway

import (
	"context"
	"io"
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/transcode"
)

// What the limits block in shadow mode would have refused.
const (
	wouldRefuseRequest  = "request"
	wouldRefuseResponse = "response"
)

// sizeLimit bounds a request's body.
func (b *builder) sizeLimit() middleware {
	if l := b.policy.Limits; l != nil && l.Shadow && l.MaxRequestBytes > 0 {
		return b.measureRequests(l.MaxRequestBytes)
	}
	limit := b.requestBound(b.policy.Limits)
	if limit == 0 || b.method.Call.ClientStreams() { // whose messages the edge bounds
		return nil
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body != nil && r.Body != http.NoBody {
				r.Body = http.MaxBytesReader(w, r.Body, limit)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// measureRequests bounds bodies by the gateway's own bound and tells of those
// that the block would have refused. A client's stream is measured as a whole.
func (b *builder) measureRequests(limit int64) middleware {
	tell, bound := b.shadow("limits"), b.maxRequestBytes
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body != nil && r.Body != http.NoBody {
				body := r.Body
				if bound > 0 && !b.method.Call.ClientStreams() {
					body = http.MaxBytesReader(w, body, bound)
				}
				r.Body = &measured{ReadCloser: body, left: limit, over: func() { tell(r.Context(), wouldRefuseRequest) }}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// measured tells once that more was read than a limit admits.
type measured struct {
	io.ReadCloser
	left int64
	over func()
}

func (m *measured) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if m.left >= 0 && m.left < int64(n) {
		m.over()
	}
	m.left -= int64(n)
	return n, err
}

// oversizedAnswer returns what tells of answers that a block in shadow mode
// would have refused, or nil.
func (b *builder) oversizedAnswer() func(ctx context.Context, reply any) {
	l := b.policy.Limits
	if l == nil || !l.Shadow || l.MaxResponseBytes == 0 {
		return nil
	}
	tell := b.shadow("limits")
	return func(ctx context.Context, reply any) {
		if sizeOf(reply) > l.MaxResponseBytes {
			tell(ctx, wouldRefuseResponse)
		}
	}
}

func sizeOf(reply any) int64 {
	switch m := reply.(type) {
	case *transcode.Frame:
		return int64(len(m.Wire()))
	case proto.Message:
		return int64(proto.Size(m))
	default:
		return 0
	}
}
