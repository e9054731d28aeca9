package assembly

import (
	"context"
	"io"
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/compression"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/transcode"
)

// What the limits block in shadow mode would have refused.
const (
	wouldRefuseRequest  = "request"
	wouldRefuseResponse = "response"
)

// requestBound returns the most bytes of a request, or of each message of a
// client's stream. 0: there is no bound.
func (e Edge) requestBound(l *policy.Limits) int64 {
	if l != nil && l.MaxRequestBytes > 0 && !l.Shadow {
		return l.MaxRequestBytes
	}
	return e.MaxRequestBytes
}

// responseBound returns the most bytes of an upstream's message. 0: there is no
// bound.
func (e Edge) responseBound(l *policy.Limits) int64 {
	if l != nil && l.MaxResponseBytes > 0 && !l.Shadow {
		return l.MaxResponseBytes
	}
	return e.MaxResponseBytes
}

// requestDecoding decodes a request's body, so that all that follow see what it
// holds. A stream's is not: a bound of its messages bounds no work on it. A delivery is
// verified as it was sent.
func (b *builder) requestDecoding() Step {
	if b.env.Edge.DropIn || b.rpc.Policy.Webhook != nil {
		return nil
	}
	return compression.Requests(compression.RequestOptions{
		MaxEncodedBytes: b.env.Edge.requestBound(b.rpc.Policy.Limits),
		Undecoded:       b.rpc.Method.Call.ClientStreams(),
		OnError:         refuse,
	})
}

// requestSize bounds a request's body.
func (b *builder) requestSize() Step {
	streams := b.rpc.Method.Call.ClientStreams() // whose messages the edge bounds
	if l := b.rpc.Policy.Limits; l != nil && l.Shadow && l.MaxRequestBytes > 0 {
		bound := b.env.Edge.MaxRequestBytes
		if streams {
			bound = 0
		}
		return measureRequests(l.MaxRequestBytes, bound, b.onShadow("limits"))
	}
	limit := b.env.Edge.requestBound(b.rpc.Policy.Limits)
	if limit == 0 || streams {
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
func measureRequests(limit, bound int64, onShadow policy.ShadowFunc) Step {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Body != nil && r.Body != http.NoBody {
				body := r.Body
				if bound > 0 {
					body = http.MaxBytesReader(w, body, bound)
				}
				r.Body = &measured{ReadCloser: body, left: limit, over: func() { onShadow(r.Context(), wouldRefuseRequest) }}
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

// Read implements io.Reader.
func (m *measured) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if m.left >= 0 && m.left < int64(n) {
		m.over()
	}
	m.left -= int64(n)
	return n, err
}

// callOversized returns what tells of responses that a block in shadow mode would
// have refused, or nil.
func (b *builder) callOversized() func(ctx context.Context, reply any) {
	l := b.rpc.Policy.Limits
	if l == nil || !l.Shadow || l.MaxResponseBytes == 0 {
		return nil
	}
	limit, onShadow := l.MaxResponseBytes, b.onShadow("limits")
	return func(ctx context.Context, reply any) {
		if sizeOf(reply) > limit {
			onShadow(ctx, wouldRefuseResponse)
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
