package transcode

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// errStreams is grpc-gateway's own message, word by word.
var errStreams = status.Error(codes.Unimplemented, "streaming calls are not yet supported in the in-process transport")

// ServerConn returns a connection that calls a service's implementation in
// this process, without a network and without the interceptors of a server. It
// has no streams.
func ServerConn(desc *grpc.ServiceDesc, server any) grpc.ClientConnInterface {
	conn := serverConn{server: server, methods: make(map[string]grpc.MethodDesc, len(desc.Methods))}
	for _, m := range desc.Methods {
		conn.methods["/"+desc.ServiceName+"/"+m.MethodName] = m
	}
	return conn
}

type serverConn struct {
	server  any
	methods map[string]grpc.MethodDesc
}

// InProcess reports whether a connection is one of [ServerConn], which encodes no
// messages.
func InProcess(conn grpc.ClientConnInterface) bool {
	_, ok := conn.(serverConn)
	return ok
}

// Invoke implements grpc.ClientConnInterface.
func (c serverConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	desc, ok := c.methods[method]
	if !ok {
		return status.Errorf(codes.Unimplemented, "unknown method %s", method)
	}
	stream := &localStream{method: method}
	md, _ := metadata.FromOutgoingContext(ctx)
	// What the gateway sends is what the server receives, and nothing that the
	// server's own calls should send on.
	ctx = metadata.NewIncomingContext(metadata.NewOutgoingContext(ctx, nil), md)
	ctx = grpc.NewContextWithServerTransportStream(ctx, stream)
	decode := func(into any) error {
		message, ok := into.(proto.Message)
		if !ok {
			return fmt.Errorf("%T is not a message", into)
		}
		proto.Merge(message, args.(proto.Message))
		return nil
	}
	response, err := desc.Handler(c.server, ctx, decode, nil)
	stream.tell(opts)
	if err != nil {
		return err
	}
	return deliver(reply, response.(proto.Message))
}

// NewStream implements grpc.ClientConnInterface.
func (serverConn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errStreams
}

// localStream collects the metadata that a server method sets. It is safe for
// concurrent use, as a server's stream is.
type localStream struct {
	method string

	mu              sync.Mutex
	header, trailer metadata.MD
}

// Method implements grpc.ServerTransportStream.
func (s *localStream) Method() string { return s.method }

// SetHeader implements grpc.ServerTransportStream.
func (s *localStream) SetHeader(md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header = metadata.Join(s.header, md)
	return nil
}

// SendHeader implements grpc.ServerTransportStream.
func (s *localStream) SendHeader(md metadata.MD) error { return s.SetHeader(md) }

// SetTrailer implements grpc.ServerTransportStream.
func (s *localStream) SetTrailer(md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trailer = metadata.Join(s.trailer, md)
	return nil
}

// tell hands the metadata to the caller's options.
func (s *localStream) tell(opts []grpc.CallOption) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, opt := range opts {
		switch o := opt.(type) {
		case grpc.HeaderCallOption:
			*o.HeaderAddr = s.header
		case grpc.TrailerCallOption:
			*o.TrailerAddr = s.trailer
		}
	}
}
