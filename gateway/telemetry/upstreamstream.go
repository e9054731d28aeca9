package telemetry

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// StreamClientInterceptor returns what [UnaryClientInterceptor] is to a unary
// call for a stream: one span and one measure from its opening to its end. That
// is the first error that it returns (io.EOF is OK), the answer of a stream on
// which the server sends only one, or the end of its context.
func StreamClientInterceptor(o Options) grpc.StreamClientInterceptor {
	return newUpstream(o).interceptStream
}

func (u *upstream) interceptStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	o := &observedStream{upstream: u, start: time.Now(), method: method, one: !desc.ServerStreams}
	o.ctx, o.span = u.start(ctx, method)
	opened := false
	defer func() {
		if !opened { // or the streamer panicked
			o.end(codes.Unknown)
		}
	}()
	stream, err := streamer(u.inject(o.ctx, o.span), desc, cc, method, opts...)
	if err != nil {
		o.end(status.Code(err))
		return nil, err
	}
	opened = true
	o.ClientStream = stream
	o.stop = context.AfterFunc(ctx, func() { o.end(status.FromContextError(ctx.Err()).Code()) })
	return o, nil
}

// observedStream is a stream whose end is reported, once.
type observedStream struct {
	grpc.ClientStream
	upstream *upstream
	ctx      context.Context // with the span
	span     trace.Span      // nil: none
	start    time.Time
	method   string
	one      bool        // the server sends one message
	stop     func() bool // ends the wait for the context's end
	once     sync.Once
}

func (o *observedStream) end(code codes.Code) {
	o.once.Do(func() {
		o.upstream.end(o.ctx, o.span, call{method: o.method, code: known(code)}, time.Since(o.start))
	})
}

// ended notes what the stream has returned.
func (o *observedStream) ended(err error) {
	if errors.Is(err, io.EOF) {
		err = nil
	}
	o.stop()
	o.end(status.Code(err))
}

// Header implements grpc.ClientStream.
func (o *observedStream) Header() (metadata.MD, error) {
	header, err := o.ClientStream.Header()
	if err != nil {
		o.ended(err)
	}
	return header, err
}

// SendMsg implements grpc.ClientStream. io.EOF says that RecvMsg has the error.
func (o *observedStream) SendMsg(m any) error {
	err := o.ClientStream.SendMsg(m)
	if err != nil && !errors.Is(err, io.EOF) {
		o.ended(err)
	}
	return err
}

// RecvMsg implements grpc.ClientStream.
func (o *observedStream) RecvMsg(m any) error {
	err := o.ClientStream.RecvMsg(m)
	if err != nil || o.one {
		o.ended(err)
	}
	return err
}
