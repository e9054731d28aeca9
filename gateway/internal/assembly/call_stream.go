package assembly

import (
	"context"
	"errors"
	"io"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

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
	edge, limit := b.env.Edge, b.env.Edge.responseBound(b.rpc.Policy.Limits)
	return func(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		if limit > 0 {
			opts = append(slices.Clip(opts), grpc.MaxCallRecvMsgSize(int(limit)))
		}
		stream, err := open(ctx, desc, method, opts...)
		if err != nil {
			return nil, edge.upstreamError(err, limit)
		}
		return &guardedStream{ClientStream: stream, edge: edge, method: method, limit: limit}, nil
	}
}

// guardedStream is an upstream's stream behind the gateway's checks.
type guardedStream struct {
	grpc.ClientStream
	edge   Edge
	method string
	limit  int64
}

// Header implements grpc.ClientStream.
func (s *guardedStream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	return header, s.presented(err)
}

// SendMsg implements grpc.ClientStream.
func (s *guardedStream) SendMsg(m any) error {
	if s.edge.Validate == nil {
		return s.presented(s.ClientStream.SendMsg(m))
	}
	send := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
		return s.presented(s.ClientStream.SendMsg(m))
	}
	return s.edge.Validate(s.Context(), s.method, m, nil, nil, send)
}

// RecvMsg implements grpc.ClientStream.
func (s *guardedStream) RecvMsg(m any) error {
	return s.presented(s.ClientStream.RecvMsg(m))
}

// presented leaves io.EOF as it is: it is a stream's end, and no error.
func (s *guardedStream) presented(err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	return s.edge.upstreamError(err, s.limit)
}
