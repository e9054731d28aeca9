package upstream

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
)

// StreamClientInterceptor returns the group's step around a stream. What counts
// is how a stream opens: its first message, or its end where none comes. A stream
// that breaks later counts once more, as a call that failed at once. An abandoned
// stream is judged when its context ends.
func (g *Group) StreamClientInterceptor() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		a := newAttempt(ctx, g)
		a.stream = true
		stream, err := streamer(a, desc, cc, method, opts...)
		if err != nil {
			return nil, err
		}
		return &groupStream{ClientStream: stream, attempt: a}, nil
	}
}

// groupStream is a stream to an address with a breaker.
type groupStream struct {
	grpc.ClientStream
	attempt *attempt
	opened  bool // of the goroutine that receives
}

// RecvMsg implements grpc.ClientStream.
func (s *groupStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	switch {
	case err == nil && !s.opened:
		s.opened = true
		s.attempt.finish(s.attempt.Context, nil)
	case err != nil && s.opened && !errors.Is(err, io.EOF):
		s.attempt.broke(err)
	}
	return err
}

// streamDone ends a stream after done, with what gRPC says of it, unless its
// first message has come.
func (a *attempt) streamDone(done func(balancer.DoneInfo)) func(balancer.DoneInfo) {
	return func(info balancer.DoneInfo) {
		done(info)
		if info.BytesSent {
			a.finish(a.Context, info.Err)
		} else {
			a.abandon() // it never got there
		}
	}
}

// broke counts a stream that had opened well.
func (a *attempt) broke(err error) {
	a.mu.Lock()
	address := a.address
	a.mu.Unlock()
	m := (*a.group.members.Load())[address]
	if m == nil {
		return // the address is no more
	}
	if permit, refused := m.breaker.Acquire(); refused == nil {
		permit.Done(a.Context, err)
	}
}
