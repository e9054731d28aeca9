package assembly

import (
	"context"
	"errors"
	"io"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/internal/blame"
	"github.com/venta-hq/venta/gateway/transcode"
)

// streamUpstream opens the stream itself: each message of the client is
// validated, each of the upstream's bounded in size. It returns nil for a
// connection that has no streams.
func (b *builder) streamUpstream() transcode.Opener {
	open := transcode.OpenerOf(b.rpc.Conn)
	if open == nil {
		return nil
	}
	edge, explains := b.env.Edge, b.explains()
	bound, writes := receiveBound(explains.limit), b.invalidates()
	return func(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		var write cache.Write
		if writes {
			write = cache.BeginWrite(ctx)
		}
		stream, err := open(ctx, desc, method, append(slices.Clip(opts), bound...)...)
		if err != nil {
			write.Undone() // there is no stream that could have brought anything
			return nil, explains.error(explains.conn.OfOpening(ctx, err), err)
		}
		if desc.ClientStreams { // what came before a refusal may have been done
			write = cache.Write{}
		}
		watch := explains.conn.Watch(ctx, stream)
		return &guardedStream{ClientStream: stream, edge: edge, method: method, explains: explains, watch: watch, write: write}, nil
	}
}

// guardedStream is an upstream's stream behind the gateway's checks.
type guardedStream struct {
	grpc.ClientStream
	edge     Edge
	method   string
	explains explanations
	watch    *blame.Stream
	write    cache.Write // of one message, until the upstream has begun to respond
}

// Header implements grpc.ClientStream.
func (s *guardedStream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	return header, s.received(err)
}

// SendMsg implements grpc.ClientStream.
func (s *guardedStream) SendMsg(m any) error {
	if s.edge.Validate == nil {
		return s.send(m)
	}
	send := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return s.send(m) }
	return s.edge.Validate(s.Context(), s.method, m, nil, nil, send)
}

// RecvMsg implements grpc.ClientStream.
func (s *guardedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		s.write = cache.Write{}
		s.watch.Received(nil)
		return s.explains.checked(m)
	}
	return s.received(err)
}

// send leaves io.EOF as it is: receiving says why the stream has ended.
func (s *guardedStream) send(m any) error {
	err := s.ClientStream.SendMsg(m)
	if errors.Is(err, io.EOF) {
		return err
	}
	fault := s.watch.Sent(m, err)
	if err == nil {
		return nil
	}
	return s.explains.error(fault, err)
}

// received leaves io.EOF as it is: it is a stream's end, and no error.
func (s *guardedStream) received(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	fault := s.watch.Received(err)
	s.failed(fault, err)
	return s.explains.error(fault, err)
}

// failed takes back the write of a stream that has failed before it did anything.
func (s *guardedStream) failed(fault blame.Fault, err error) {
	if undone(fault, false, err) {
		s.write.Undone()
	}
	s.write = cache.Write{}
}
