package circuitbreaker_test

import (
	"context"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
)

// wire is an upstream's stream by what its operations return.
type wire struct {
	grpc.ClientStream
	open         func(context.Context) error
	header, send error
	recv         []func(context.Context) error
	ctx          context.Context
}

func (w *wire) Header() (metadata.MD, error) { return nil, w.header }
func (w *wire) SendMsg(any) error            { return w.send }
func (w *wire) CloseSend() error             { return nil }

func (w *wire) RecvMsg(any) error {
	next := w.recv[0]
	w.recv = w.recv[1:]
	return next(w.ctx)
}

func (w *wire) streamer(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	w.ctx = ctx
	if w.open != nil {
		if err := w.open(ctx); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func waits(ctx context.Context) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}

func panics(context.Context) error { panic("upstream") }

func exits(context.Context) error { runtime.Goexit(); return nil }

// The callers of streams: what each does with one that has opened.
func abandon(grpc.ClientStream) {}

func receive(s grpc.ClientStream) {
	for s.RecvMsg(nil) == nil {
	}
}

func ask(s grpc.ClientStream) {
	if s.SendMsg(nil) == nil && s.CloseSend() == nil {
		receive(s)
	}
}

func TestWhatStreamsCount(t *testing.T) {
	message := returns(nil)
	down := status.Error(codes.Unavailable, "down")
	missing := status.Error(codes.NotFound, "")
	oneWay, bidi := &grpc.StreamDesc{ServerStreams: true}, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	type ends = []func(context.Context) error
	tests := []struct {
		name   string
		desc   *grpc.StreamDesc
		caller caller
		use    func(grpc.ClientStream)
		wire   wire
		want   [2]circuitbreaker.State // of one that was closed, and of one that was half-open
	}{
		{"a message, then the caller leaves", oneWay, leaving, ask, wire{recv: ends{message, waits}}, counts[success]},
		{"a message, then the end", oneWay, patient, ask, wire{recv: ends{message, returns(io.EOF)}}, counts[success]},
		{"the end without a message", oneWay, patient, ask, wire{recv: ends{returns(io.EOF)}}, counts[success]},
		{"the opening fails", oneWay, patient, ask, wire{open: returns(down)}, counts[failure]},
		{"the opening is a business error", oneWay, patient, ask, wire{open: returns(missing)}, counts[success]},
		{"a failure before a message", oneWay, patient, ask, wire{recv: ends{returns(down)}}, counts[failure]},
		{"a business error before a message", oneWay, patient, ask, wire{recv: ends{returns(missing)}}, counts[success]},
		{"a failure after a message", oneWay, patient, ask, wire{recv: ends{message, returns(down)}}, [2]circuitbreaker.State{open, closed}},
		{"a business error after a message", oneWay, patient, ask, wire{recv: ends{message, returns(missing)}}, counts[success]},
		{"the header fails", oneWay, patient, func(s grpc.ClientStream) { _, _ = s.Header() }, wire{header: down}, counts[failure]},
		{"the request fails", oneWay, patient, ask, wire{send: down}, counts[failure]},
		{"the request finds the stream broken", bidi, patient, func(s grpc.ClientStream) { _ = s.SendMsg(nil); receive(s) },
			wire{send: io.EOF, recv: ends{returns(down)}}, counts[failure]},
		{"the caller leaves", oneWay, leaving, ask, wire{recv: ends{waits}}, counts[ignored]},
		{"the caller's deadline", oneWay, hurried, ask, wire{recv: ends{waits}}, counts[ignored]},
		{"the caller forgets it", oneWay, leaving, abandon, wire{}, counts[ignored]},
		{"the caller leaves while it opens", oneWay, leaving, ask, wire{open: waits}, counts[ignored]},
		{"a bound, and no response", oneWay, bounded, ask, wire{recv: ends{waits}}, counts[failure]},
		{"a bound, and the caller was silent", bidi, bounded, receive, wire{recv: ends{waits}}, counts[ignored]},
		{"a bound, and the caller has ended its part", bidi, bounded, ask, wire{recv: ends{waits}}, counts[failure]},
		{"a bound, after a message", oneWay, bounded, ask, wire{recv: ends{message, waits}}, counts[success]},
		{"a panic while it opens", oneWay, patient, ask, wire{open: panics}, counts[ignored]},
		{"an exit while it opens", oneWay, patient, ask, wire{open: exits}, counts[ignored]},
		{"a panic before a message", oneWay, patient, ask, wire{recv: ends{panics}}, counts[ignored]},
		{"an exit before a message", oneWay, patient, ask, wire{recv: ends{exits}}, counts[ignored]},
	}
	for _, test := range tests {
		for i, begin := range []circuitbreaker.State{closed, halfOpen} {
			t.Run(test.name+"/"+begin.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := beginAt(t, begin)
					ctx, cancel := test.caller(t.Context())
					defer cancel()
					upstream := test.wire
					done := make(chan struct{})
					go func() {
						defer close(done)
						defer func() { _ = recover() }()
						stream, err := b.StreamClientInterceptor()(ctx, test.desc, nil, method, upstream.streamer)
						if err == nil {
							test.use(stream)
						}
					}()
					<-done
					time.Sleep(2 * time.Second) // virtual: the context of a stream that is forgotten ends
					synctest.Wait()
					wantState(t, b, test.want[i])
					if test.want == counts[ignored] {
						acquire(t, b) // the slot is free again
					}
				})
			})
		}
	}
}

// counts is what becomes of a closed and of a half-open breaker by an outcome.
var counts = map[circuitbreaker.Outcome][2]circuitbreaker.State{
	success: {closed, closed}, cancelled: {closed, halfOpen}, failure: {open, open}, ignored: {closed, halfOpen},
}

// beginAt returns a breaker that opens at the first failure and closes at the
// first success.
func beginAt(t *testing.T, state circuitbreaker.State) *circuitbreaker.Breaker {
	p := basePolicy()
	p.MinimumCalls, p.HalfOpenCalls = 1, 1
	b := newBreaker(t, p, circuitbreaker.Options{})
	if state == halfOpen {
		acquire(t, b).Done(failure)
		time.Sleep(p.OpenDuration) // virtual
	}
	return b
}

// TestStreamGivesItsSlotBackEarly holds that a long stream does not keep a
// breaker half-open.
func TestStreamGivesItsSlotBackEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := beginAt(t, halfOpen)
		upstream := wire{recv: []func(context.Context) error{returns(nil), waits}}
		stream, err := b.StreamClientInterceptor()(t.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, method, upstream.streamer)
		if err == nil {
			err = stream.RecvMsg(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		wantState(t, b, closed)
	})
}

// TestSlowStream holds that the caller's own silence is not the upstream's.
func TestSlowStream(t *testing.T) {
	tests := []struct {
		name             string
		silent, response time.Duration
		want             circuitbreaker.State
	}{
		{"the caller is silent for long", time.Minute, time.Second, closed},
		{"the upstream is", 0, 3 * time.Second, open},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := basePolicy()
				p.MinimumCalls, p.SlowCallDuration, p.SlowCallThresholdPercent = 1, 2*time.Second, 100
				b := newBreaker(t, p, circuitbreaker.Options{})
				upstream := wire{recv: []func(context.Context) error{func(context.Context) error { time.Sleep(test.response); return nil }}}
				stream, err := b.StreamClientInterceptor()(t.Context(), &grpc.StreamDesc{ClientStreams: true}, nil, method, upstream.streamer)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(test.silent)
				if err := stream.CloseSend(); err != nil {
					t.Fatal(err)
				}
				if err := stream.RecvMsg(nil); err != nil {
					t.Fatal(err)
				}
				wantState(t, b, test.want)
			})
		})
	}
}

// TestOpenBreakerOpensNoStream holds that nothing reaches the upstream.
func TestOpenBreakerOpensNoStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := beginAt(t, closed)
		acquire(t, b).Done(failure)
		_, err := b.StreamClientInterceptor()(t.Context(), &grpc.StreamDesc{}, nil, method,
			func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
				t.Error("a stream was opened")
				return nil, nil
			})
		if status.Code(err) != codes.Unavailable {
			t.Error(err)
		}
	})
}

// TestSlowStreamThatIsLeft holds that a stream which its caller gave up was slow,
// where the upstream had all that it needed and took too long.
func TestSlowStreamThatIsLeft(t *testing.T) {
	oneWay, bidi := &grpc.StreamDesc{ServerStreams: true}, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}
	tests := []struct {
		name  string
		desc  *grpc.StreamDesc
		use   func(grpc.ClientStream)
		after time.Duration
		want  circuitbreaker.State
	}{
		{"late", oneWay, ask, 3 * time.Second, open},
		{"late, and nobody waits", oneWay, func(s grpc.ClientStream) { _ = s.SendMsg(nil) }, 3 * time.Second, open},
		{"early", oneWay, ask, time.Second, closed},
		{"late, but the caller was silent", bidi, receive, 3 * time.Second, closed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := basePolicy()
				p.MinimumCalls, p.SlowCallDuration = 1, 2*time.Second
				b := newBreaker(t, p, circuitbreaker.Options{})
				upstream := wire{recv: []func(context.Context) error{waits}}
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(test.after, cancel)
				stream, err := b.StreamClientInterceptor()(ctx, test.desc, nil, method, upstream.streamer)
				if err != nil {
					t.Fatal(err)
				}
				test.use(stream)
				<-ctx.Done()
				synctest.Wait()
				wantState(t, b, test.want)
			})
		})
	}
}
