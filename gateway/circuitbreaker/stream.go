package circuitbreaker

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/deadline"
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
// A stream that its caller abandons gives its slot back when its context ends.
// The interceptor stands inside the bound of streams.
func (b *Breaker) StreamClientInterceptor() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		permit, err := b.Admit(ctx)
		if err != nil {
			return nil, err
		}
		s := &judgedStream{breaker: b, ctx: ctx, permit: permit, talks: desc.ClientStreams}
		s.detach = context.AfterFunc(ctx, func() { s.settle(s.cut()) })
		opened := false
		defer func() {
			if !opened {
				s.settle(Ignored) // unless it is settled already
				s.detach()
			}
		}()
		s.ClientStream, err = streamer(ctx, desc, cc, method, opts...)
		if err != nil {
			s.ended(err)
			return nil, err
		}
		opened = true
		return s, nil
	}
}

// judgedStream is an upstream's stream whose opening the breaker judges.
type judgedStream struct {
	grpc.ClientStream
	breaker *Breaker
	ctx     context.Context // the caller's
	talks   bool            // the caller may send several messages
	detach  func() bool     // from the end of ctx

	settled atomic.Bool // permit is done
	mu      sync.Mutex
	permit  Permit
	later   Permit // for how the stream ends
	asked   bool   // the caller has sent everything
}

// Header implements grpc.ClientStream.
func (s *judgedStream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	if err != nil {
		s.ended(err)
	}
	return header, err
}

// SendMsg implements grpc.ClientStream.
func (s *judgedStream) SendMsg(m any) error {
	err := s.ClientStream.SendMsg(m)
	switch {
	case err == nil:
		s.sent(!s.talks)
	case !errors.Is(err, io.EOF): // which leaves the status to RecvMsg
		s.ended(err)
	}
	return err
}

// CloseSend implements grpc.ClientStream.
func (s *judgedStream) CloseSend() error {
	err := s.ClientStream.CloseSend()
	s.sent(true)
	return err
}

// RecvMsg implements grpc.ClientStream.
func (s *judgedStream) RecvMsg(m any) error {
	if !s.settled.Load() {
		return s.recvFirst(m)
	}
	err := s.ClientStream.RecvMsg(m)
	if err != nil {
		s.ended(err)
	}
	return err
}

func (s *judgedStream) recvFirst(m any) error {
	returned := false
	defer func() {
		if !returned { // a panic, or the goroutine's end
			s.settle(Ignored)
			s.detach()
		}
	}()
	err := s.ClientStream.RecvMsg(m)
	returned = true
	if err != nil {
		s.ended(err)
		return err
	}
	s.settle(Success)
	s.detach()
	return nil
}

// sent notes that the upstream's turn begins now.
func (s *judgedStream) sent(everything bool) {
	if s.settled.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = s.asked || everything
	s.permit.start = s.breaker.now()
}

// settle tells how the stream has opened, once.
func (s *judgedStream) settle(o Outcome) {
	if s.settled.Swap(true) {
		return
	}
	permit := s.take(&s.permit)
	if o == Success {
		s.keep(permit)
	}
	permit.finish(s.ctx, o)
}

// take takes a permit out of its field.
func (s *judgedStream) take(field *Permit) Permit {
	s.mu.Lock()
	defer s.mu.Unlock()
	permit := *field
	*field = Permit{}
	return permit
}

func (s *judgedStream) keep(permit Permit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.later = permit
}

// ended tells how the stream has ended, if its opening did not decide that.
func (s *judgedStream) ended(err error) {
	outcome := s.outcome(err)
	s.detach()
	s.settle(outcome)
	if outcome == Failure {
		s.broke()
	}
}

// broke counts a stream that has opened well.
func (s *judgedStream) broke() {
	permit := s.take(&s.later)
	permit.start = s.breaker.now() // the end is not slow
	permit.finish(s.ctx, Failure)
}

// outcome says what a stream's end tells about the upstream.
func (s *judgedStream) outcome(err error) Outcome {
	switch {
	case errors.Is(err, io.EOF):
		return Success
	case s.ctx.Err() != nil:
		return s.cut()
	}
	return s.breaker.OutcomeOf(s.ctx, err)
}

// cut says what the end of the caller's context tells about the upstream.
func (s *judgedStream) cut() Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	late := slices.Contains(s.breaker.policy.FailureStatusCodes, codes.DeadlineExceeded)
	if late && s.asked && !s.settled.Load() && errors.Is(context.Cause(s.ctx), deadline.ErrPolicy) {
		return Failure
	}
	return Ignored
}
