// Package clientstream knows when a client's gRPC stream has ended.
//
// gRPC says it in several places. A stream has ended when (see
// grpc.ClientConn.NewStream and grpc.ClientStream):
//
//   - it could not be opened;
//   - RecvMsg returned an error, of which io.EOF is status OK;
//   - RecvMsg returned the only message of a server that sends one;
//   - Header, SendMsg or CloseSend returned an error that is not io.EOF, which
//     leaves the status to RecvMsg;
//   - its context has ended, and nobody is there to see it;
//   - the goroutine that used it has panicked or exited within an operation.
//
// A [Stream] watches for all of them and tells an [Observer] once.
package clientstream

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Observer is told how a stream goes. Its methods run on the goroutines that use
// the stream, Ended possibly on one of its own, and the others possibly after
// Ended. They must not use the stream.
// Embed [EndOnly] for an observer of the end alone.
type Observer interface {
	// Sent is told each message that was sent.
	Sent()
	// SentAll is told that nothing more will be sent: after the only message of a
	// client that sends one, and after CloseSend.
	SentAll()
	// Received is told each message that was received, before Ended for the only
	// one.
	Received()
	// Explain returns what the user of the stream gets in place of an error,
	// other than io.EOF, of any operation, the opening included.
	Explain(err error) error
	// Ended is told the end, once, before the operation that brought it returns.
	Ended(end End)
}

// End is how a stream has ended.
type End struct {
	// Err is nil for status OK, and else the error as explained.
	Err error
	// Lost says that no operation returned the end: the context ended while
	// nobody used the stream, or a panic or runtime.Goexit left an operation. It
	// says nothing about the server.
	Lost bool
}

// EndOnly is for embedding: an [Observer] of nothing, but for Ended.
type EndOnly struct{}

// Sent implements [Observer].
func (EndOnly) Sent() {}

// SentAll implements [Observer].
func (EndOnly) SentAll() {}

// Received implements [Observer].
func (EndOnly) Received() {}

// Explain implements [Observer].
func (EndOnly) Explain(err error) error { return err }

var errLeft = errors.New("a panic or runtime.Goexit left an operation of the stream")

// Stream is a client's stream with an observer. Its zero value is to be opened,
// once. It may be a field of its observer, which saves an allocation.
type Stream struct {
	grpc.ClientStream
	ctx                     context.Context
	observer                Observer
	oneRequest, oneResponse bool
	detach                  func() bool // from the end of ctx

	users atomic.Int32 // operations under way
	left  atomic.Bool  // ctx has ended
	once  sync.Once
}

// Open opens a stream of desc with o as its observer, and returns it. ctx is the
// context that open gives the stream, or one that ends no later.
//
// While an operation is under way, it is left to that operation to say how the
// stream ends. Nothing outlives ctx or the end of the stream, whichever comes
// first.
func (s *Stream) Open(ctx context.Context, desc *grpc.StreamDesc, o Observer, open func() (grpc.ClientStream, error)) (grpc.ClientStream, error) {
	s.ctx, s.observer, s.oneRequest, s.oneResponse = ctx, o, !desc.ClientStreams, !desc.ServerStreams
	returned := false
	s.enter()
	defer s.leave(&returned)
	s.detach = context.AfterFunc(ctx, s.contextEnded)
	inner, err := open()
	returned = true
	if err != nil {
		return nil, s.failed(err)
	}
	s.ClientStream = inner
	return s, nil
}

// Header implements grpc.ClientStream.
func (s *Stream) Header() (metadata.MD, error) {
	returned := false
	s.enter()
	defer s.leave(&returned)
	header, err := s.ClientStream.Header()
	returned = true
	return header, s.unlessEOF(err)
}

// SendMsg implements grpc.ClientStream.
func (s *Stream) SendMsg(m any) error {
	returned := false
	s.enter()
	defer s.leave(&returned)
	err := s.ClientStream.SendMsg(m)
	returned = true
	if err == nil {
		s.observer.Sent()
	}
	if err == nil && s.oneRequest {
		s.observer.SentAll()
	}
	return s.unlessEOF(err)
}

// CloseSend implements grpc.ClientStream.
func (s *Stream) CloseSend() error {
	returned := false
	s.enter()
	defer s.leave(&returned)
	err := s.ClientStream.CloseSend()
	returned = true
	if err == nil {
		s.observer.SentAll()
	}
	return s.unlessEOF(err)
}

// RecvMsg implements grpc.ClientStream.
func (s *Stream) RecvMsg(m any) error {
	returned := false
	s.enter()
	defer s.leave(&returned)
	err := s.ClientStream.RecvMsg(m)
	returned = true
	switch {
	case err == nil:
		s.observer.Received()
		if s.oneResponse {
			s.end(End{})
		}
		return nil
	case errors.Is(err, io.EOF):
		s.end(End{})
		return err
	}
	return s.failed(err)
}

// unlessEOF ends the stream for an error that says why it ended. io.EOF says
// only that it did: RecvMsg has the status.
func (s *Stream) unlessEOF(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return s.failed(err)
}

// failed ends the stream for an error, and returns that for the user.
func (s *Stream) failed(err error) error {
	err = s.observer.Explain(err)
	s.end(End{Err: err})
	return err
}

func (s *Stream) end(end End) {
	s.detach()
	s.tell(end)
}

func (s *Stream) tell(end End) { s.once.Do(func() { s.observer.Ended(end) }) }

// enter and leave count the operations under way. The last to leave after the
// end of ctx ends the stream, and so does one that does not return.
func (s *Stream) enter() { s.users.Add(1) }

func (s *Stream) leave(returned *bool) {
	if !*returned {
		s.end(End{Err: errLeft, Lost: true})
	}
	if s.users.Add(-1) == 0 && s.left.Load() {
		s.abandoned()
	}
}

// contextEnded ends a stream that nobody uses.
func (s *Stream) contextEnded() {
	s.left.Store(true)
	if s.users.Load() == 0 {
		s.abandoned()
	}
}

func (s *Stream) abandoned() {
	s.tell(End{Err: status.FromContextError(s.ctx.Err()).Err(), Lost: true})
}
