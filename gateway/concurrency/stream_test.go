package concurrency_test

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

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/policy"
)

// wire is an upstream's stream by what its operations do.
type wire struct {
	grpc.ClientStream
	open         func(context.Context) error
	header, send error
	recv         func(context.Context) error
	ctx          context.Context
}

func (w *wire) Header() (metadata.MD, error) { return nil, w.header }
func (w *wire) SendMsg(any) error            { return w.send }
func (w *wire) RecvMsg(any) error            { return w.recv(w.ctx) }

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

func receive(s grpc.ClientStream) { _ = s.RecvMsg(nil) }

// TestStreamPlace holds a place until a stream has ended, on every way there.
func TestStreamPlace(t *testing.T) {
	down := status.Error(codes.Unavailable, "down")
	header := func(s grpc.ClientStream) { _, _ = s.Header() }
	send := func(s grpc.ClientStream) { _ = s.SendMsg(nil) }
	manyResponses, oneResponse := &grpc.StreamDesc{ServerStreams: true}, &grpc.StreamDesc{ClientStreams: true}
	tests := []struct {
		name   string
		desc   *grpc.StreamDesc
		wire   wire
		use    func(grpc.ClientStream)
		leaves bool // the caller's context ends
		held   int
	}{
		{"opened", manyResponses, wire{}, func(grpc.ClientStream) {}, false, 1},
		{"abandoned", manyResponses, wire{}, func(grpc.ClientStream) {}, true, 0},
		{"a message", manyResponses, wire{recv: returns(nil)}, receive, false, 1},
		{"the only message", oneResponse, wire{recv: returns(nil)}, receive, false, 0},
		{"the end", manyResponses, wire{recv: returns(io.EOF)}, receive, false, 0},
		{"an error", manyResponses, wire{recv: returns(down)}, receive, false, 0},
		{"an error, twice", manyResponses, wire{recv: returns(down)}, func(s grpc.ClientStream) { receive(s); receive(s) }, true, 0},
		{"the caller leaves", manyResponses, wire{recv: waits}, receive, true, 0},
		{"the header", manyResponses, wire{}, header, false, 1},
		{"no header", manyResponses, wire{header: down}, header, false, 0},
		{"a request", manyResponses, wire{}, send, false, 1},
		{"a request that fails", manyResponses, wire{send: down}, send, false, 0},
		{"a request on a stream that has ended", manyResponses, wire{send: io.EOF}, send, false, 1},
		{"the opening fails", manyResponses, wire{open: returns(down)}, receive, false, 0},
		{"a panic while it opens", manyResponses, wire{open: panics}, receive, false, 0},
		{"an exit while it opens", manyResponses, wire{open: exits}, receive, false, 0},
		{"a panic while it receives", manyResponses, wire{recv: panics}, receive, false, 0},
		{"an exit while it receives", manyResponses, wire{recv: exits}, receive, false, 0},
	}
	for _, test := range tests {
		for _, adaptive := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLimiter(t, policy.Concurrency{MaxInFlight: 10, Adaptive: adaptive}, concurrency.Options{})
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					upstream := test.wire
					go func() {
						defer func() { _ = recover() }()
						stream, err := l.StreamClientInterceptor(byDefault)(ctx, test.desc, nil, method, upstream.streamer)
						if err == nil {
							test.use(stream)
						}
					}()
					synctest.Wait()
					if test.leaves {
						cancel()
						synctest.Wait()
					}
					if got := l.Load().InFlight; got != test.held {
						t.Errorf("%d in flight, want %d", got, test.held)
					}
					cancel() // gives back once, whatever was before
					synctest.Wait()
					if got := l.Load().InFlight; got != 0 {
						t.Errorf("%d in flight after the caller has left", got)
					}
				})
			})
		}
	}
}

func TestStreamShed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		l := newLimiter(t, policy.Concurrency{MaxInFlight: 1}, concurrency.Options{
			OnShed: func(_ context.Context, m string, c policy.Criticality) {
				if told++; m != method || c != sheddable {
					t.Errorf("told of %s %q", m, c)
				}
			},
		})
		open := l.StreamClientInterceptor(sheddable)
		upstream := wire{recv: returns(io.EOF)}
		first, err := open(t.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, method, upstream.streamer)
		if err != nil {
			t.Fatal(err)
		}
		if md, _ := metadata.FromOutgoingContext(upstream.ctx); md.Get(concurrency.MetadataKey)[0] != "sheddable" {
			t.Errorf("metadata %v", md)
		}
		refused := func() error {
			_, err := open(t.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, method,
				func(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
					return &wire{}, nil
				})
			return err
		}
		if err := refused(); !apierror.Refused(err) || told != 1 {
			t.Errorf("%v, told %d times", err, told)
		}
		receive(first)
		if err := refused(); err != nil {
			t.Errorf("the place is free again: %v", err)
		}
	})
}

// TestStreamsSayNothingOfLoad holds that neither the life of a stream nor its end
// moves an adaptive limit.
func TestStreamsSayNothingOfLoad(t *testing.T) {
	bounded := &apierror.Error{Code: codes.DeadlineExceeded, Reason: apierror.TimeoutExceeded, Cause: deadline.ErrPolicy}
	for name, end := range map[string]error{
		"the end": io.EOF, "a bound": bounded, "a quota": status.Error(codes.ResourceExhausted, "busy"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLimiter(t, policy.Concurrency{MaxInFlight: 100, Adaptive: true}, concurrency.Options{})
				for range 100 {
					upstream := wire{recv: func(context.Context) error { time.Sleep(100 * time.Millisecond); return end }}
					stream, err := l.StreamClientInterceptor(byDefault)(t.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, method, upstream.streamer)
					if err != nil {
						t.Fatal(err)
					}
					receive(stream)
				}
				if after := l.Load().Limit; after != 100 {
					t.Errorf("limit %d", after)
				}
			})
		})
	}
}
