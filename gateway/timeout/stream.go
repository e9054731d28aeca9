package timeout

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// StreamIdle is the reason of a stream that ended because no message passed for
// too long.
const StreamIdle apierror.Reason = "STREAM_IDLE"

// NewStream returns an interceptor that bounds streams: p.Duration is the most
// that one may last, p.Idle how long no message may pass in either direction,
// the time before the first included. A message passes when the caller has sent
// or received it. Zero is no bound; both zero is an error, and so is a negative
// one. The interceptor is safe for concurrent use.
//
// At a bound the upstream's stream is cancelled, with deadline.ErrPolicy as the
// cause of its context, and what the caller does next, or waits for, returns an
// [apierror.Error] of DEADLINE_EXCEEDED and reason [apierror.TimeoutExceeded] or
// [StreamIdle] with deadline.ErrPolicy in its chain. An end that the upstream
// has sent in the last moment stays the end. The total bound travels upstream as
// the deadline; a deadline of the caller that ends sooner stays in force and
// stays the caller's.
//
// One timer serves a stream, and a message costs one reading of the clock. The
// timer is given back when the stream or the caller's context has ended, and at
// the latest when a bound passes, whatever the caller does. No goroutine waits.
//
// In shadow mode the stream runs as if there were no bound.
func NewStream(p policy.Timeout, o Options) (grpc.StreamClientInterceptor, error) {
	if p.Duration < 0 || p.Idle < 0 || p.Duration == 0 && p.Idle == 0 {
		return nil, fmt.Errorf("timeout: a stream needs a positive duration or idle time, not %s and %s", p.Duration, p.Idle)
	}
	b := &streamBound{
		policy:   p,
		options:  o,
		tooLong:  &passed{WouldExceed, apierror.TimeoutExceeded, fmt.Sprintf("the stream has lasted for %s", p.Duration)},
		tooQuiet: &passed{WouldIdle, StreamIdle, fmt.Sprintf("no message within %s", p.Idle)},
	}
	return b.intercept, nil
}

// streamBound bounds the streams of one policy.
type streamBound struct {
	policy            policy.Timeout
	options           Options
	tooLong, tooQuiet *passed
}

// passed is a bound that has passed.
type passed struct {
	would   string
	reason  apierror.Reason
	message string
}

func (b *streamBound) intercept(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	w := b.watch(ctx, method)
	return w.stream.Open(w.Context, desc, w, func() (grpc.ClientStream, error) {
		return streamer(w.streamContext(), desc, cc, method, opts...)
	})
}
