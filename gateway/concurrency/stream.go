package concurrency

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/deadline"
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
// lasts says nothing about the upstream's load; that it failed for overload does.
func (l *Limiter) StreamClientInterceptor(c policy.Criticality) grpc.StreamClientInterceptor {
	mark := l.marker(c)
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		permit, err := l.Acquire(ctx, c)
		if err != nil {
			l.report(ctx, method, c, err)
			return nil, err
		}
		s := &heldStream{ctx: ctx, permit: permit, single: !desc.ServerStreams}
		s.detach = context.AfterFunc(ctx, func() { s.giveBack(Ignored) })
		outcome, opened := Ignored, false
		defer func() {
			if !opened {
				s.release(outcome)
			}
		}()
		s.ClientStream, err = streamer(mark(ctx), desc, cc, method, opts...)
		if err != nil {
			outcome = streamOutcome(ctx, err)
			return nil, err
		}
		opened = true
		return s, nil
	}
}

// heldStream is an upstream's stream that holds a place.
type heldStream struct {
	grpc.ClientStream
	ctx    context.Context // the caller's
	single bool            // the upstream's only message is the end
	detach func() bool     // from the end of ctx

	mu     sync.Mutex
	permit Permit
}

// Header implements grpc.ClientStream.
func (s *heldStream) Header() (metadata.MD, error) {
	header, err := s.ClientStream.Header()
	if err != nil {
		s.release(streamOutcome(s.ctx, err))
	}
	return header, err
}

// SendMsg implements grpc.ClientStream.
func (s *heldStream) SendMsg(m any) error {
	err := s.ClientStream.SendMsg(m)
	if err != nil && !errors.Is(err, io.EOF) { // which leaves the status to RecvMsg
		s.release(streamOutcome(s.ctx, err))
	}
	return err
}

// RecvMsg implements grpc.ClientStream.
func (s *heldStream) RecvMsg(m any) error {
	outcome, ended := Ignored, true // by a panic, or the goroutine's end
	defer func() {
		if ended {
			s.release(outcome)
		}
	}()
	err := s.ClientStream.RecvMsg(m)
	if err == nil {
		ended = s.single
		return nil
	}
	outcome = streamOutcome(s.ctx, err)
	return err
}

// release gives the place back and forgets the caller's context.
func (s *heldStream) release(o Outcome) {
	s.giveBack(o)
	s.detach()
}

func (s *heldStream) giveBack(o Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.permit.Done(o)
}

// streamOutcome says what a stream's end tells about the upstream's load. That a
// bound has passed tells nothing: it may be the caller who was silent.
func streamOutcome(ctx context.Context, err error) Outcome {
	if errors.Is(err, io.EOF) || errors.Is(err, deadline.ErrPolicy) {
		return Ignored
	}
	return outcomeOf(ctx, err)
}
