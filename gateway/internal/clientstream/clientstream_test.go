package clientstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/internal/clientstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a server's stream by what its operations do; nil is a success.
type script struct {
	grpc.ClientStream
	ctx                              context.Context
	open, header, send, closed, recv func(context.Context) error
}

func (s *script) do(f func(context.Context) error) error {
	if f == nil {
		return nil
	}
	return f(s.ctx)
}

func (s *script) Header() (metadata.MD, error) { return nil, s.do(s.header) }
func (s *script) SendMsg(any) error            { return s.do(s.send) }
func (s *script) CloseSend() error             { return s.do(s.closed) }
func (s *script) RecvMsg(any) error            { return s.do(s.recv) }

func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func waits(ctx context.Context) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

func panics(context.Context) error { panic("server") }

func exits(context.Context) error { runtime.Goexit(); return nil }

// observer notes what it is told. It marks errors that it explains.
type observer struct {
	mu             sync.Mutex
	sent, received int
	all            bool
	ends           []clientstream.End
}

type explained struct{ error }

func (e explained) Unwrap() error { return e.error }

func (o *observer) note(f func()) { o.mu.Lock(); defer o.mu.Unlock(); f() }

func (o *observer) Sent()                        { o.note(func() { o.sent++ }) }
func (o *observer) SentAll()                     { o.note(func() { o.all = true }) }
func (o *observer) Received()                    { o.note(func() { o.received++ }) }
func (o *observer) Explain(err error) error      { return explained{err} }
func (o *observer) Ended(end clientstream.End)   { o.note(func() { o.ends = append(o.ends, end) }) }
func (o *observer) told() (e []clientstream.End) { o.note(func() { e = o.ends }); return e }

var kinds = map[string]*grpc.StreamDesc{
	"unary":  {},
	"client": {ClientStreams: true},
	"server": {ServerStreams: true},
	"bidi":   {ClientStreams: true, ServerStreams: true},
}

var down = status.Error(codes.Unavailable, "down")

// Uses of a stream.
func none(grpc.ClientStream)      {}
func header(s grpc.ClientStream)  { _, _ = s.Header() }
func send(s grpc.ClientStream)    { _ = s.SendMsg(nil) }
func closing(s grpc.ClientStream) { _ = s.CloseSend() }
func receive(s grpc.ClientStream) { _ = s.RecvMsg(nil) }

func all(uses ...func(grpc.ClientStream)) func(grpc.ClientStream) {
	return func(s grpc.ClientStream) {
		for _, use := range uses {
			use(s)
		}
	}
}

// want is an end: none, that of the script, or one that no operation returned.
type want int

const (
	goesOn want = iota
	ok
	failure
	left      // a panic or an exit
	abandoned // the context's end
)

var ends = []struct {
	name string
	script
	use    func(grpc.ClientStream)
	cancel bool
	// one is the end of a server that sends one message, many of one that sends many.
	one, many want
}{
	{"opened", script{}, none, false, goesOn, goesOn},
	{"cannot be opened", script{open: returns(down)}, none, false, failure, failure},
	{"used without an end", script{}, all(header, send, closing), false, goesOn, goesOn},
	{"a message", script{}, receive, false, ok, goesOn},
	{"two messages", script{}, all(receive, receive), false, ok, goesOn},
	{"io.EOF", script{recv: returns(io.EOF)}, receive, false, ok, ok},
	{"an error", script{recv: returns(down)}, receive, false, failure, failure},
	{"an error, and more calls", script{recv: returns(down)}, all(receive, receive, send, header), false, failure, failure},
	{"no header", script{header: returns(down)}, header, false, failure, failure},
	{"io.EOF for a header", script{header: returns(io.EOF)}, header, false, goesOn, goesOn},
	{"a header that has its error to come", script{header: returns(io.EOF), recv: returns(down)}, all(header, receive), false, failure, failure},
	{"a message that cannot be sent", script{send: returns(down)}, send, false, failure, failure},
	{"io.EOF for a sent message", script{send: returns(io.EOF)}, send, false, goesOn, goesOn},
	{"a message that finds the stream ended", script{send: returns(io.EOF), recv: returns(down)}, all(send, receive), false, failure, failure},
	{"sending cannot be closed", script{closed: returns(down)}, closing, false, failure, failure},
	{"abandoned", script{}, none, true, abandoned, abandoned},
	{"abandoned after a message", script{}, receive, true, ok, abandoned},
	{"abandoned after its end", script{recv: returns(io.EOF)}, receive, true, ok, ok},
	{"abandoned after a sent message found it ended", script{send: returns(io.EOF)}, send, true, abandoned, abandoned},
	{"left while it opens", script{open: waits}, none, true, failure, failure},
	{"left while it receives", script{recv: waits}, receive, true, failure, failure},
	{"left while it waits for the header", script{header: waits}, header, true, failure, failure},
	{"left while it sends", script{send: func(ctx context.Context) error { <-ctx.Done(); return io.EOF }}, send, true, abandoned, abandoned},
	{"a panic while it opens", script{open: panics}, none, false, left, left},
	{"an exit while it opens", script{open: exits}, none, false, left, left},
	{"a panic while it receives", script{recv: panics}, receive, false, left, left},
	{"an exit while it receives", script{recv: exits}, receive, false, left, left},
	{"a panic while it sends", script{send: panics}, send, false, left, left},
	{"a panic while it closes", script{closed: panics}, closing, false, left, left},
	{"a panic while it waits for the header", script{header: panics}, header, false, left, left},
}

// TestEnds holds every kind of stream, on every way to its end, to one end, the
// right one; and that the end of the context adds none.
func TestEnds(t *testing.T) {
	for kind, desc := range kinds {
		for _, test := range ends {
			t.Run(kind+"/"+test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o, server := &observer{}, test.script
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					go func() {
						defer func() { _ = recover() }()
						if s, err := open(ctx, desc, o, &server); err == nil {
							test.use(s)
						}
					}()
					synctest.Wait()
					if test.cancel {
						cancel()
						synctest.Wait()
					}
					expected := test.many
					if !desc.ServerStreams {
						expected = test.one
					}
					checkEnd(t, o.told(), expected)
					cancel()
					synctest.Wait()
					if expected == goesOn {
						expected = abandoned
					}
					checkEnd(t, o.told(), expected)
				})
			})
		}
	}
}

func open(ctx context.Context, desc *grpc.StreamDesc, o clientstream.Observer, server *script) (grpc.ClientStream, error) {
	return new(clientstream.Stream).Open(ctx, desc, o, func() (grpc.ClientStream, error) {
		server.ctx = ctx
		return server, server.do(server.open)
	})
}

func checkEnd(t *testing.T, ends []clientstream.End, want want) {
	t.Helper()
	if want == goesOn {
		if len(ends) != 0 {
			t.Errorf("ended with %+v, want it to go on", ends)
		}
		return
	}
	if len(ends) != 1 {
		t.Fatalf("told %d ends: %+v", len(ends), ends)
	}
	end := ends[0]
	switch want {
	case ok:
		if end != (clientstream.End{}) {
			t.Errorf("end %+v, want OK", end)
		}
	case failure:
		if end.Lost || !errors.As(end.Err, new(explained)) {
			t.Errorf("end %+v, want the error as it was explained", end)
		}
	case left:
		if !end.Lost || status.Code(end.Err) != codes.Unknown {
			t.Errorf("end %+v, want a lost one", end)
		}
	case abandoned:
		if !end.Lost || status.Code(end.Err) != codes.Canceled {
			t.Errorf("end %+v, want that of the context", end)
		}
	}
}

// TestMessages holds what an observer is told between the ends, and that io.EOF
// reaches the user as it is.
func TestMessages(t *testing.T) {
	for kind, desc := range kinds {
		o := &observer{}
		s, err := open(t.Context(), desc, o, &script{})
		if err != nil {
			t.Fatal(err)
		}
		send(s)
		if o.sent != 1 || o.all == desc.ClientStreams {
			t.Errorf("%s: %d messages sent, all: %v", kind, o.sent, o.all)
		}
		closing(s)
		receive(s)
		if o.sent != 1 || !o.all || o.received != 1 {
			t.Errorf("%s: sent %d, all: %v, received %d", kind, o.sent, o.all, o.received)
		}
	}
	s, err := open(t.Context(), kinds["bidi"], &observer{}, &script{send: returns(io.EOF), recv: returns(io.EOF)})
	if err != nil {
		t.Fatal(err)
	}
	if sent, received := s.SendMsg(nil), s.RecvMsg(nil); sent != io.EOF || received != io.EOF {
		t.Errorf("send = %v, receive = %v", sent, received)
	}
}

func TestErrorsAreExplained(t *testing.T) {
	failing := &script{header: returns(down), send: returns(down), closed: returns(down), recv: returns(down)}
	s, err := open(t.Context(), kinds["bidi"], &observer{}, failing)
	if err != nil {
		t.Fatal(err)
	}
	_, noHeader := s.Header()
	for _, err := range []error{noHeader, s.SendMsg(nil), s.CloseSend(), s.RecvMsg(nil)} {
		if !errors.As(err, new(explained)) || !errors.Is(err, down) {
			t.Errorf("err = %v", err)
		}
	}
	if _, err := open(t.Context(), kinds["bidi"], &observer{}, &script{open: returns(down)}); !errors.As(err, new(explained)) {
		t.Errorf("open = %v", err)
	}
}

// counter counts ends and holds that it is told before an operation returns.
type counter struct {
	clientstream.EndOnly
	ends atomic.Int32
}

func (c *counter) Ended(clientstream.End) { c.ends.Add(1) }

// TestOnceUnderUse ends streams in several ways at once.
func TestOnceUnderUse(t *testing.T) {
	for range 200 {
		c := &counter{}
		ctx, cancel := context.WithCancel(t.Context())
		failing := &script{header: returns(down), send: returns(down), recv: returns(down)}
		s, err := open(ctx, kinds["bidi"], c, failing)
		if err != nil {
			t.Fatal(err)
		}
		var users sync.WaitGroup
		for _, use := range []func(grpc.ClientStream){header, send, receive, func(grpc.ClientStream) { cancel() }} {
			users.Go(func() {
				use(s)
				if n := c.ends.Load(); n != 1 && ctx.Err() == nil {
					t.Errorf("an operation returned before the end was told: %d", n)
				}
			})
		}
		users.Wait()
		if n := c.ends.Load(); n != 1 {
			t.Fatalf("told %d times", n)
		}
	}
}

// TestNothingIsLeft holds that a stream that has ended lets go of a context that
// lives on: its end starts no goroutine and tells nothing.
func TestNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		counting := &afterFuncs{Context: ctx}
		for i := range 3 {
			s, err := open(counting, kinds["server"], &counter{}, &script{recv: returns(io.EOF)})
			if err != nil {
				t.Fatal(err)
			}
			if counting.registered != 1 {
				t.Fatal(fmt.Sprint("stream ", i, " is not attached to its context"))
			}
			receive(s)
			if counting.registered != 0 {
				t.Fatal("a stream that has ended is still attached to its context")
			}
		}
		cancel()
	})
}

// afterFuncs counts what waits for its end.
type afterFuncs struct {
	context.Context
	registered int
}

func (a *afterFuncs) Done() <-chan struct{} { return make(chan struct{}) } // another than that of Context

func (a *afterFuncs) AfterFunc(func()) func() bool {
	a.registered++
	return func() bool { a.registered--; return true }
}
