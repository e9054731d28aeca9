package upstream

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"

	"github.com/venta-hq/venta/gateway/internal/clientstream"
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
}

// Received implements clientstream.Observer.
func (s *streamAttempt) Received() {
	if !s.opened.Swap(true) {
		s.attempt.finish(s.attempt.Context, nil)
	}
}

// Ended implements clientstream.Observer. The end of a stream that has not opened
// is streamDone's; one that its context ended was not the address's doing.
func (s *streamAttempt) Ended(end clientstream.End) {
	cut := end.Lost || s.attempt.Context.Err() != nil //nolint:staticcheck // "attempt.Err" would be another error
	if end.Err != nil && !cut && s.opened.Load() {
		s.attempt.broke(end.Err)
	}
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
