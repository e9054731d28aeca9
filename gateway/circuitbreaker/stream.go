package circuitbreaker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/internal/clientstream"
)

// StreamClientInterceptor returns an interceptor that passes each stream through
// the breaker. What counts is how a stream opens: the upstream's first message,
// or the end where none comes, decides, and a probe's slot is given back then. A
// stream is slow by the time from what the caller last sent to that message.
//
// A stream that breaks later, with a status that is a failure, counts once more,
// as a failed call of the state that admitted it. A time bound of the gateway's
// is a failure only where the caller has sent everything and no message has
// come: otherwise it may be the caller who was silent.
//
// A stream that its caller abandons gives its slot back when its context ends, and
// is slow where the caller had sent everything and waited too long.
// The interceptor stands inside the bound of streams.
func (b *Breaker) StreamClientInterceptor() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		permit, err := b.Admit(ctx)
		if err != nil {
			return nil, err
		}
		j := &judge{breaker: b, ctx: ctx, permit: permit}
		return j.stream.Open(ctx, desc, j, func() (grpc.ClientStream, error) {
			return streamer(ctx, desc, cc, method, opts...)
		})
	}
}

// judge tells the breaker how a stream goes.
type judge struct {
	stream  clientstream.Stream
	breaker *Breaker
	ctx     context.Context // the caller's

	settled atomic.Bool // how the stream opened is told
	mu      sync.Mutex
	permit  Permit // until it is settled
	later   Permit // for how the stream ends
	sentAll bool   // by the caller
}

// Explain implements clientstream.Observer.
func (j *judge) Explain(err error) error { return err }

// Sent implements clientstream.Observer.
func (j *judge) Sent() { j.sent(false) }

// SentAll implements clientstream.Observer.
func (j *judge) SentAll() { j.sent(true) }

// sent notes that it is the upstream's time that passes from now on.
func (j *judge) sent(all bool) {
	if j.settled.Load() {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.sentAll = j.sentAll || all
	j.permit.start = j.breaker.now()
}

// Received implements clientstream.Observer.
func (j *judge) Received() {
	if !j.settled.Load() {
		j.settle(Success)
	}
}

// Ended implements clientstream.Observer. It tells how the stream ended, if its
// opening did not decide that.
func (j *judge) Ended(end clientstream.End) {
	outcome := j.outcome(end)
	j.settle(outcome)
	if outcome == Failure {
		j.broke()
	}
}

// settle tells how the stream has opened, once.
func (j *judge) settle(o Outcome) {
	if j.settled.Swap(true) {
		return
	}
	permit := j.take(&j.permit)
	if o == Success {
		j.keep(permit)
	}
	permit.DoneIn(j.ctx, o)
}

// take takes a permit out of its field.
func (j *judge) take(field *Permit) Permit {
	j.mu.Lock()
	defer j.mu.Unlock()
	permit := *field
	*field = Permit{}
	return permit
}

func (j *judge) keep(permit Permit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.later = permit
}

// broke counts a stream that has opened well.
func (j *judge) broke() {
	permit := j.take(&j.later)
	permit.start = j.breaker.now() // the end is not slow
	permit.DoneIn(j.ctx, Failure)
}

// outcome says what a stream's end tells about the upstream.
func (j *judge) outcome(end clientstream.End) Outcome {
	switch {
	case end.Err == nil:
		return Success
	case apierror.Refused(end.Err):
		return Ignored
	case j.ctx.Err() != nil:
		return j.cut()
	case end.Lost:
		return Ignored
	}
	return j.breaker.OutcomeOf(j.ctx, end.Err)
}

// cut says what the end of the caller's context tells about the upstream: nothing
// where it may have waited for the caller.
func (j *judge) cut() Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.sentAll || j.settled.Load() {
		return Ignored
	}
	late := slices.Contains(j.breaker.policy.FailureStatusCodes, codes.DeadlineExceeded)
	if late && errors.Is(context.Cause(j.ctx), deadline.ErrPolicy) {
		return Failure
	}
	return Cancelled
}
