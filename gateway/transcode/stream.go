package transcode

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/gateway/internal/responsewriter"
)

// Opener opens a stream, as grpc.ClientConnInterface.NewStream does.
type Opener func(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error)

// OpenerOf returns the opener of a connection, or nil for one that has no
// streams.
func OpenerOf(conn grpc.ClientConnInterface) Opener {
	if _, local := conn.(serverConn); local {
		return nil
	}
	return conn.NewStream
}

// StreamHandler serves the route of a streaming RPC as newline-delimited JSON,
// as grpc-gateway does: each message of a server's stream is an object with a
// member "result", and an error, once the response has begun, one with a member
// "error". The upstream's stream ends with the request, at the latest. A nil
// open is UNIMPLEMENTED. present, where set, may present it in its own way. The request
// must carry an [Exchange].
func (rt *Route) StreamHandler(open Opener, present StreamPresenter) http.Handler {
	serve := rt.serveServerStream
	switch call := rt.method.Call; {
	case open == nil:
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rt.WriteError(w, r, errStreams) })
	case call.clientStreams && call.serverStreams:
		serve = rt.serveBidiStream
	case call.clientStreams:
		serve = rt.serveClientStream
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !rt.admit(w, r) {
			return
		}
		ctx, cancel, ok := rt.enter(w, r)
		if !ok {
			return
		}
		defer cancel()
		if rt.method.Call.serverStreams {
			responsewriter.Unbound(w)
		}
		if present != nil && present(w, r, newStreaming(&exchange{Route: rt, w: w, r: r, ctx: ctx, cancel: cancel, open: open})) {
			return
		}
		if rt.method.Call.clientStreams {
			if err := rt.checkContentType(r); err != nil {
				rt.refuse(ctx, w, r, runtime.ServerMetadata{}, err)
				return
			}
		}
		inbound, outbound := runtime.MarshalerForRequest(rt.mux, r)
		serve(&exchange{Route: rt, w: w, r: r, ctx: ctx, cancel: cancel, open: open, inbound: inbound, outbound: outbound})
	})
}

// exchange is one request of a streaming RPC while it is served.
type exchange struct {
	*Route
	w                 http.ResponseWriter
	r                 *http.Request
	ctx               context.Context
	cancel            context.CancelFunc
	open              Opener
	inbound, outbound runtime.Marshaler
	md                runtime.ServerMetadata
}

// start opens the upstream's stream.
func (x *exchange) start() (grpc.ClientStream, error) { return x.startWith(nil) }

func (x *exchange) startWith(options []grpc.CallOption) (grpc.ClientStream, error) {
	call := x.method.Call
	return x.open(x.ctx, &grpc.StreamDesc{
		StreamName:    x.method.FullName[strings.LastIndexByte(x.method.FullName, '/')+1:],
		ClientStreams: call.clientStreams,
		ServerStreams: call.serverStreams,
	}, x.method.FullName, options...)
}

func (x *exchange) fail(err error) { x.refuse(x.ctx, x.w, x.r, x.md, err) }

func (rt *Route) serveServerStream(x *exchange) {
	request, err := FromContext(x.ctx).messageWithin(x.ctx, x.r)
	if err != nil {
		x.fail(err)
		return
	}
	stream, err := x.start()
	if err == nil {
		err = send(stream, request)
	}
	if err == nil {
		err = x.takeHeader(stream)
	}
	if err != nil {
		x.fail(err)
		return
	}
	x.forwardStream(stream, func(err error) error { return err })
}

// send sends a stream's only request.
func send(stream grpc.ClientStream, request proto.Message) error {
	if err := stream.SendMsg(request); err != nil {
		return err
	}
	return stream.CloseSend()
}

func (x *exchange) takeHeader(stream grpc.ClientStream) (err error) {
	x.md.HeaderMD, err = stream.Header()
	return err
}

func (rt *Route) serveClientStream(x *exchange) {
	response, err := x.sendAll()
	if err != nil {
		x.fail(err)
		return
	}
	x.write(runtime.NewServerMetadataContext(x.ctx, x.md), x.outbound, x.w, x.r, response)
}

// sendAll sends the messages of the request's body and returns the response.
func (x *exchange) sendAll() (proto.Message, error) {
	stream, err := x.start()
	if err != nil {
		return nil, err
	}
	messages := x.messages()
	for {
		if err = messages.next(stream); err != nil {
			break
		}
	}
	if !errors.Is(err, io.EOF) { // the body's end, or the upstream's, which says more below
		return nil, err
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	if err := x.takeHeader(stream); err != nil {
		return nil, err
	}
	response := x.method.Call.NewResponse()
	err = stream.RecvMsg(response)
	x.md.TrailerMD = stream.Trailer()
	if err == nil {
		err = x.affordable(x.outbound, response)
	}
	return response, err
}
