package upstream

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"

	"github.com/venta-hq/venta/gateway/internal/clientstream"
)

// StreamClientInterceptor returns the group's step around a stream. What counts
// is how a stream opens: its first message, or its end where none comes, as the
// steps inside have explained it. A stream that breaks later counts once more, as a
// call that failed at once. One that its caller leaves, having sent everything, is
// judged by its time, when its context ends.
func (g *Group) StreamClientInterceptor() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		a := newAttempt(ctx, g)
		a.stream = true
		s := &streamAttempt{attempt: a}
		return s.stream.Open(ctx, desc, s, func() (grpc.ClientStream, error) {
			return streamer(a, desc, cc, method, opts...)
		})
	}
}

// streamAttempt is a stream to an address with a breaker.
type streamAttempt struct {
	clientstream.EndOnly
	stream  clientstream.Stream
	attempt *attempt
	opened  atomic.Bool
	sentAll atomic.Bool
}

// SentAll implements clientstream.Observer.
func (s *streamAttempt) SentAll() { s.sentAll.Store(true) }

// Received implements clientstream.Observer.
func (s *streamAttempt) Received() {
	if !s.opened.Swap(true) {
		s.attempt.finish(s.attempt.Context, nil)
	}
}

// Ended implements clientstream.Observer. One that its context ended says how slow
// the address was, unless the address may have waited for the caller.
func (s *streamAttempt) Ended(end clientstream.End) {
	left := s.attempt.Context.Err() != nil //nolint:staticcheck // "attempt.Err" would be another error
	switch {
	case s.opened.Load():
		if end.Err != nil && !end.Lost && !left {
			s.attempt.broke(end.Err)
		}
	case left && !s.sentAll.Load(), end.Lost && !left:
		s.attempt.abandon()
	default:
		s.attempt.finish(s.attempt.Context, end.Err)
	}
}

// streamDone gives the permit of a stream that was never sent back, after done.
func (a *attempt) streamDone(done func(balancer.DoneInfo)) func(balancer.DoneInfo) {
	return func(info balancer.DoneInfo) {
		done(info)
		if !info.BytesSent {
			a.abandon()
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
