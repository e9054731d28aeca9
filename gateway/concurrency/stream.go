package concurrency

import (
	"context"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/internal/clientstream"
	"github.com/venta-hq/venta/gateway/policy"
)

// StreamClientInterceptor returns an interceptor that holds a place for each
// stream, from before it opens until it has ended: a stream is one call, however
// long it lasts and however many messages pass. Give streams a limiter of their
// own where calls must not wait for them.
//
// The place comes back with the stream's end, whichever operation learns of it,
// with a panic while it opens or receives, and at the latest when the caller's
// context ends, so that a stream that is abandoned keeps none. How long a stream
// lasts, and how it ends, says nothing about the upstream's load.
func (l *Limiter) StreamClientInterceptor(c policy.Criticality) grpc.StreamClientInterceptor {
	mark := l.marker(c)
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		permit, err := l.acquire(ctx, method, c)
		if err != nil {
			l.report(ctx, method, c, err)
			return nil, err
		}
		p := &streamPlace{permit: permit}
		return p.stream.Open(ctx, desc, p, func() (grpc.ClientStream, error) {
			return streamer(mark(ctx), desc, cc, method, opts...)
		})
	}
}

// streamPlace is the place that a stream holds.
type streamPlace struct {
	clientstream.EndOnly
	stream clientstream.Stream
	permit Permit
}

// Ended implements clientstream.Observer.
func (p *streamPlace) Ended(clientstream.End) { p.permit.Done(Ignored) }
