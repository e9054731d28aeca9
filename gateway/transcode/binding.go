// Package transcode is the edge between HTTP and gRPC: it binds a request to a
// message as google.api.http says, makes the call, and writes the response.
//
// What presents messages (marshalers, header matchers, error handlers) is
// grpc-gateway's runtime.ServeMux, so that all of its options hold.
package transcode

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Binding is one google.api.http rule of a method.
type Binding struct {
	Verb         string // the HTTP method
	Path         string // the path template
	Body         string // "": none, "*": the whole message, else a field
	ResponseBody string // "": the whole message, else a field
}

// Call knows the types of a method and how a typed client calls it. Make it with
// [Unary], [ServerStream], [ClientStream] or [BidiStream].
type Call struct {
	newRequest  func() proto.Message
	newResponse func() proto.Message
	// One of the two: a unary method is invoked, a stream is opened.
	invoke func(client any, ctx context.Context, request proto.Message, opts []grpc.CallOption) (proto.Message, error)
	open   func(client any, ctx context.Context, opts []grpc.CallOption) (grpc.ClientStream, error)

	clientStreams, serverStreams bool
}

// Unary describes a unary method by its client method expression, such as
// OrderServiceClient.GetOrder. Req and Resp must be generated messages.
func Unary[Client, Req, Resp any](method func(Client, context.Context, *Req, ...grpc.CallOption) (*Resp, error)) Call {
	return Call{
		newRequest:  newMessage[Req],
		newResponse: newMessage[Resp],
		invoke: func(client any, ctx context.Context, request proto.Message, opts []grpc.CallOption) (proto.Message, error) {
			response, err := method(client.(Client), ctx, any(request).(*Req), opts...)
			if err != nil {
				return nil, err
			}
			return any(response).(proto.Message), nil
		},
	}
}

func newMessage[M any]() proto.Message { return any(new(M)).(proto.Message) }

// NewRequest returns an empty request message.
func (c Call) NewRequest() proto.Message { return c.newRequest() }

// NewResponse returns an empty response message.
func (c Call) NewResponse() proto.Message { return c.newResponse() }

// IsStream tells whether one side sends many messages.
func (c Call) IsStream() bool { return c.clientStreams || c.serverStreams }

// ClientStreams tells whether the client sends many messages.
func (c Call) ClientStreams() bool { return c.clientStreams }

// ServerStreams tells whether the server sends many messages.
func (c Call) ServerStreams() bool { return c.serverStreams }

// Method is one RPC of a service.
type Method struct {
	FullName string // "/package.Service/Method"
	Call     Call
	Options  ServiceOptions
}

// ClientConn returns a connection that calls a typed client instead of a
// network. Methods that are not listed are refused.
func ClientConn(client any, methods []Method) grpc.ClientConnInterface {
	conn := clientConn{client: client, calls: make(map[string]Call, len(methods))}
	for _, m := range methods {
		conn.calls[m.FullName] = m.Call
	}
	return conn
}

type clientConn struct {
	client any
	calls  map[string]Call
}

// Invoke implements grpc.ClientConnInterface.
func (c clientConn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	call, ok := c.calls[method]
	if !ok || call.invoke == nil {
		return fmt.Errorf("%s is not a unary method of the client", method)
	}
	response, err := call.invoke(c.client, ctx, args.(proto.Message), opts)
	if err != nil {
		return err
	}
	return deliver(reply, response)
}

// NewStream implements grpc.ClientConnInterface.
func (c clientConn) NewStream(ctx context.Context, _ *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	call, ok := c.calls[method]
	if !ok || call.open == nil {
		return nil, fmt.Errorf("%s is not a streaming method of the client", method)
	}
	return call.open(c.client, ctx, opts)
}
