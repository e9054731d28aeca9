package transcode

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// ServerStream describes a method whose server sends many messages by its client
// method expression, such as OrderServiceClient.WatchOrders. Req and Resp
// must be generated messages.
func ServerStream[Client, Req, Resp any, Stream interface {
	Recv() (*Resp, error)
	grpc.ClientStream
}](method func(Client, context.Context, *Req, ...grpc.CallOption) (Stream, error)) Call {
	return Call{
		newRequest:    newMessage[Req],
		newResponse:   newMessage[Resp],
		serverStreams: true,
		open: func(client any, ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error) {
			open := func(request proto.Message) (typedStream, error) {
				stream, err := method(client.(Client), ctx, any(request).(*Req), opts...)
				if err != nil {
					return typedStream{}, err
				}
				return typedStream{ClientStream: stream, recv: receiver(stream.Recv)}, nil
			}
			return &lateStream{ctx: ctx, open: open}, nil
		},
	}
}

// ClientStream describes a method whose client sends many messages; see
// [ServerStream].
func ClientStream[Client, Req, Resp any, Stream interface {
	Send(*Req) error
	CloseAndRecv() (*Resp, error)
	grpc.ClientStream
}](method func(Client, context.Context, ...grpc.CallOption) (Stream, error)) Call {
	return Call{
		newRequest:    newMessage[Req],
		newResponse:   newMessage[Resp],
		clientStreams: true,
		open: func(client any, ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error) {
			stream, err := method(client.(Client), ctx, opts...)
			if err != nil {
				return nil, err
			}
			return typedStream{ClientStream: stream, send: sender(stream.Send), recv: receiver(stream.CloseAndRecv)}, nil
		},
	}
}

// BidiStream describes a method whose both sides send many messages; see
// [ServerStream].
func BidiStream[Client, Req, Resp any, Stream interface {
	Send(*Req) error
	Recv() (*Resp, error)
	grpc.ClientStream
}](method func(Client, context.Context, ...grpc.CallOption) (Stream, error)) Call {
	return Call{
		newRequest:    newMessage[Req],
		newResponse:   newMessage[Resp],
		clientStreams: true,
		serverStreams: true,
		open: func(client any, ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error) {
			stream, err := method(client.(Client), ctx, opts...)
			if err != nil {
				return nil, err
			}
			return typedStream{ClientStream: stream, send: sender(stream.Send), recv: receiver(stream.Recv)}, nil
		},
	}
}

func sender[Req any](send func(*Req) error) func(proto.Message) error {
	return func(m proto.Message) error { return send(any(m).(*Req)) }
}

func receiver[Resp any](recv func() (*Resp, error)) func() (proto.Message, error) {
	return func() (proto.Message, error) {
		response, err := recv()
		if err != nil {
			return nil, err
		}
		return any(response).(proto.Message), nil
	}
}

// typedStream sends and receives by the typed methods of a client's stream,
// which is all that a client made for tests may have.
type typedStream struct {
	grpc.ClientStream
	send func(proto.Message) error
	recv func() (proto.Message, error)
}

// SendMsg implements grpc.ClientStream.
func (s typedStream) SendMsg(m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is not a message", m)
	}
	return s.send(message)
}

// RecvMsg implements grpc.ClientStream.
func (s typedStream) RecvMsg(m any) error {
	response, err := s.recv()
	if err != nil {
		return err
	}
	return deliver(m, response)
}

// lateStream is opened by its only request, as typed clients of server streams
// demand.
type lateStream struct {
	typedStream
	ctx  context.Context
	open func(request proto.Message) (typedStream, error)
}

// SendMsg implements grpc.ClientStream.
func (s *lateStream) SendMsg(m any) error {
	message, ok := m.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is not a message", m)
	}
	var err error
	s.typedStream, err = s.open(message)
	return err
}

// CloseSend implements grpc.ClientStream: a typed client closes by itself.
func (*lateStream) CloseSend() error { return nil }

// Context implements grpc.ClientStream.
func (s *lateStream) Context() context.Context { return s.ctx }
