package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/internal/clientstream"
)

// StreamClientInterceptor returns what [UnaryClientInterceptor] is to a unary
// call for a stream: one span and one measure from its opening to its end, which
// has the code of its status, of its context where nobody learns of the status,
// and UNKNOWN where a panic leaves it.
func StreamClientInterceptor(o Options) grpc.StreamClientInterceptor {
	return newUpstream(o).interceptStream
}

func (u *upstream) interceptStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	record := recordOf(ctx)
	if u.quiet && record == nil {
		return streamer(ctx, desc, cc, method, opts...)
	}
	o := &observedStream{upstream: u, start: time.Now(), method: method, record: record}
	record.begin(o.start, true)
	o.counts = u.metrics.stream(method)
	o.ctx, o.span = u.start(ctx, method)
	return o.stream.Open(ctx, desc, o, func() (grpc.ClientStream, error) {
		return streamer(u.inject(o.ctx, o.span), desc, cc, method, opts...)
	})
}

// observedStream is a stream whose end is reported.
type observedStream struct {
	clientstream.EndOnly
	stream   clientstream.Stream
	record   *record
	counts   streamCounts
	upstream *upstream
	ctx      context.Context // with the span
	span     trace.Span      // nil: none
	start    time.Time
	method   string
}

// Sent implements clientstream.Observer.
func (o *observedStream) Sent() {
	o.record.sent()
	o.counts.received.add(1) // of its client
}

// Received implements clientstream.Observer.
func (o *observedStream) Received() {
	o.record.received()
	o.counts.sent.add(1) // to its client
}

// Ended implements clientstream.Observer.
func (o *observedStream) Ended(end clientstream.End) {
	o.counts.active.add(-1)
	code := known(status.Code(end.Err))
	o.upstream.end(o.ctx, o.span, o.record, call{method: o.method, code: code}, o.start)
}
