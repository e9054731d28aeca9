package blame

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

// Stream watches one stream. One goroutine may send while another receives.
type Stream struct {
	conn   Conn
	ctx    context.Context
	stream grpc.ClientStream

	mu       sync.Mutex
	last     any // that was sent
	received bool
}

// OfOpening returns who caused that a stream could not be opened.
func (c Conn) OfOpening(ctx context.Context, err error) Fault { return c.of(ctx, nil, seen{}, err) }

// Watch watches a stream that was opened in ctx.
func (c Conn) Watch(ctx context.Context, stream grpc.ClientStream) *Stream {
	return &Stream{conn: c, ctx: ctx, stream: stream}
}

// Sent takes what sending a message returned, other than io.EOF, and returns who
// caused it. gRPC leaves what the upstream says to receiving, so that an error here
// is of the message alone; a connection of another kind may open the stream only
// now.
func (s *Stream) Sent(m any, err error) Fault {
	s.mu.Lock()
	s.last = m
	s.mu.Unlock()
	if err == nil || apierror.As(err) != nil {
		return Upstream
	}
	if !s.conn.Remote {
		return s.conn.of(s.ctx, m, seen{}, err)
	}
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return RequestTooLarge
	case codes.Internal:
		if s.conn.unreadable(m) {
			return Malformed
		}
		return Unsent
	}
	return Upstream
}

// Received takes what receiving returned, other than io.EOF, and returns who caused
// it. Once a message has come, a refusal of the next one's size cannot be told from
// the upstream's own status, and is taken for that.
func (s *Stream) Received(err error) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.received = true
		return Upstream
	}
	return s.conn.of(s.ctx, s.last, s.seen(), err)
}

func (s *Stream) seen() seen {
	if !s.conn.Remote {
		return seen{}
	}
	shown := seen{opened: true, trailer: s.stream.Trailer()}
	if !s.received {
		shown.header, _ = s.stream.Header() // its error is the stream's
	}
	return shown
}
