package transcode

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// forwardStream writes what the upstream sends. explain says why the stream
// ended with an error. On a route that is no drop-in a stream that fails before it
// has sent anything gets a unary call's error, and a body in a format of its own
// that fails later is cut off: an error at its end would be part of it.
func (x *exchange) forwardStream(stream grpc.ClientStream, explain func(error) error) {
	ctx := runtime.NewServerMetadataContext(x.ctx, x.md)
	recv := func() (proto.Message, error) {
		response := x.method.Call.NewResponse()
		if err := stream.RecvMsg(response); err != nil {
			err = affordableError(explain(err))
			if !errors.Is(err, io.EOF) {
				x.tell(ctx, err)
			}
			return nil, err
		}
		if err := x.affordable(x.outbound, response); err != nil {
			x.tell(ctx, err)
			return nil, err
		}
		if x.present.body != nil {
			return &bodyOf{Message: response, value: x.present.body(response)}, nil
		}
		return response, nil
	}
	outbound := x.outbound
	if x.present.omitNull {
		outbound = withoutNull(outbound)
	}
	if x.options.DropIn {
		runtime.ForwardResponseStream(ctx, x.mux, outbound, x.w, x.r, recv, x.mux.GetForwardResponseOptions()...)
		return
	}
	x.forwardGuarded(ctx, outbound, recv)
}

func (x *exchange) forwardGuarded(ctx context.Context, outbound runtime.Marshaler, recv func() (proto.Message, error)) {
	raw := isHTTPBody(descriptor(x.method.Call.NewResponse()))
	if raw {
		outbound = undelimited{outbound}
	}
	g := &streamGuard{ResponseWriter: x.w, raw: raw}
	runtime.ForwardResponseStream(ctx, x.mux, g.marshaler(outbound), g, x.r, g.receiver(recv), g.options(x.mux.GetForwardResponseOptions())...)
	switch {
	case g.failure == nil:
	case !g.began:
		x.w.Header().Del("Transfer-Encoding")
		x.fail(g.failure)
	case raw:
		runtime.HTTPStreamError(ctx, x.mux, outbound, g, x.r, g.failure) // nothing is written, but somebody may log
		panic(http.ErrAbortHandler)
	}
}

// streamGuard stands between grpc-gateway's presentation of a stream and the
// client. It notices the failure of each step. One that grpc-gateway must not write
// about it takes for itself: to grpc-gateway the stream then has ended.
type streamGuard struct {
	http.ResponseWriter
	raw     bool
	began   bool
	failure error
}

// takes remembers a failure, and tells whether it is the guard's.
func (g *streamGuard) takes(err error) bool {
	if g.failure == nil {
		g.failure = err
	}
	return g.took()
}

func (g *streamGuard) took() bool { return g.failure != nil && (g.raw || !g.began) }

// WriteHeader implements http.ResponseWriter.
func (g *streamGuard) WriteHeader(status int) {
	if g.took() {
		return
	}
	g.began = true
	g.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (g *streamGuard) Write(p []byte) (int, error) {
	if g.took() {
		return len(p), nil
	}
	g.began = true
	return g.ResponseWriter.Write(p)
}

// FlushError serves http.ResponseController.
func (g *streamGuard) FlushError() error {
	if g.took() {
		return nil
	}
	g.began = true
	return http.NewResponseController(g.ResponseWriter).Flush()
}

func (g *streamGuard) receiver(recv func() (proto.Message, error)) func() (proto.Message, error) {
	return func() (proto.Message, error) {
		if g.took() {
			return nil, io.EOF
		}
		m, err := recv()
		if err != nil && !errors.Is(err, io.EOF) && g.takes(err) {
			return nil, io.EOF
		}
		return m, err
	}
}

// presenter presents one message; grpc-gateway has no name for it.
type presenter = func(context.Context, http.ResponseWriter, proto.Message) error

func (g *streamGuard) options(steps []presenter) []presenter {
	guarded := make([]presenter, len(steps))
	for i, step := range steps {
		guarded[i] = func(ctx context.Context, w http.ResponseWriter, m proto.Message) error {
			err := step(ctx, w, m)
			if err != nil && g.takes(err) {
				return nil
			}
			return err
		}
	}
	return guarded
}

// marshaler returns the marshaler with its failures noticed. It keeps the
// optional parts of the interface that grpc-gateway looks for.
func (g *streamGuard) marshaler(m runtime.Marshaler) runtime.Marshaler {
	guarded := guardedMarshaler{m, g}
	if of, ok := m.(runtime.StreamContentType); ok {
		return streamMarshaler{guarded, of}
	}
	return guarded
}

type guardedMarshaler struct {
	runtime.Marshaler
	guard *streamGuard
}

// Marshal implements runtime.Marshaler.
func (m guardedMarshaler) Marshal(v any) ([]byte, error) {
	encoded, err := m.Marshaler.Marshal(v)
	if err != nil && m.guard.takes(err) {
		return nil, nil
	}
	return encoded, err
}

// Delimiter implements runtime.Delimited.
func (m guardedMarshaler) Delimiter() []byte {
	if own, ok := m.Marshaler.(runtime.Delimited); ok {
		return own.Delimiter()
	}
	return []byte("\n")
}

type streamMarshaler struct {
	guardedMarshaler
	runtime.StreamContentType
}

// undelimited writes the chunks of a body in a format of its own one after the
// other: a line break between them would be part of it.
type undelimited struct{ runtime.Marshaler }

// Delimiter implements runtime.Delimited.
func (undelimited) Delimiter() []byte { return nil }
