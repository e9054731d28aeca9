package timeout_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/timeout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const streamMethod = "/venta.location.v2.LocationService/Watch"

// wire is an upstream's stream: it sends a message at each of the given times
// after it was opened, then ends with err, or waits.
type wire struct {
	grpc.ClientStream
	ctx    context.Context
	opened time.Time
	sends  []time.Duration
	waits  bool
	err    error
}

func (w *wire) RecvMsg(any) error {
	if len(w.sends) == 0 && w.waits {
		<-w.ctx.Done()
		return status.FromContextError(w.ctx.Err()).Err()
	}
	if len(w.sends) == 0 {
		return w.err
	}
	select {
	case <-time.After(time.Until(w.opened.Add(w.sends[0]))):
		w.sends = w.sends[1:]
		return nil
	case <-w.ctx.Done():
		return status.FromContextError(w.ctx.Err()).Err()
	}
}

func (w *wire) SendMsg(any) error            { return nil }
func (w *wire) Header() (metadata.MD, error) { return metadata.Pairs("h", "1"), nil }

func seconds(at ...float64) (d []time.Duration) {
	for _, s := range at {
		d = append(d, time.Duration(s*float64(time.Second)))
	}
	return d
}

func (w *wire) open(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	ctx, cancel := context.WithCancel(ctx) // as gRPC does
	context.AfterFunc(ctx, cancel)
	w.ctx, w.opened = ctx, time.Now()
	return w, nil
}

func newStream(t testing.TB, p policy.Timeout, o timeout.Options) grpc.StreamClientInterceptor {
	t.Helper()
	intercept, err := timeout.NewStream(p, o)
	if err != nil {
		t.Fatal(err)
	}
	return intercept
}

// drain receives until the end and returns it with the number of messages.
func drain(stream grpc.ClientStream) (n int, err error) {
	for err == nil {
		if err = stream.RecvMsg(nil); err == nil {
			n++
		}
	}
	return n, err
}

func TestStream(t *testing.T) {
	idle := policy.Timeout{Idle: 2 * time.Second}
	total := policy.Timeout{Duration: 5 * time.Second}
	both := policy.Timeout{Duration: 5 * time.Second, Idle: 2 * time.Second}
	lost := status.Error(codes.Unavailable, "lost")
	tests := []struct {
		name   string
		policy policy.Timeout
		caller time.Duration // its deadline; 0: none
		leaves time.Duration // when it cancels; 0: never
		wire   wire

		messages int
		code     codes.Code
		reason   apierror.Reason // "": the error is not the gateway's
		at       time.Duration
	}{
		{"in time", both, 0, 0, wire{sends: seconds(1, 2, 3), err: io.EOF}, 3, codes.OK, "", 3 * time.Second},
		{"an error in time", both, 0, 0, wire{sends: seconds(1), err: lost}, 1, codes.Unavailable, "", time.Second},
		{"silent from the start", idle, 0, 0, wire{waits: true}, 0, codes.DeadlineExceeded, timeout.StreamIdle, 2 * time.Second},
		{"silent after messages", idle, 0, 0, wire{sends: seconds(1, 1.5, 3), waits: true}, 3, codes.DeadlineExceeded, timeout.StreamIdle, 5 * time.Second},
		{"a message in the last moment", idle, 0, 0, wire{sends: seconds(1.999, 3.998), err: io.EOF}, 2, codes.OK, "", 3998 * time.Millisecond},
		{"any number of messages", idle, 0, 0, wire{sends: seconds(1, 2, 3, 4, 5, 6, 7, 8, 9), err: io.EOF}, 9, codes.OK, "", 9 * time.Second},
		{"too long", total, 0, 0, wire{sends: seconds(1, 4, 7), err: io.EOF}, 2, codes.DeadlineExceeded, apierror.TimeoutExceeded, 5 * time.Second},
		{"too long, the caller would wait longer", total, time.Minute, 0, wire{waits: true}, 0, codes.DeadlineExceeded, apierror.TimeoutExceeded, 5 * time.Second},
		{"the total comes before the silence", both, 0, 0, wire{sends: seconds(1, 2, 3.9), waits: true}, 3, codes.DeadlineExceeded, apierror.TimeoutExceeded, 5 * time.Second},
		{"the caller's deadline is sooner", total, 3 * time.Second, 0, wire{waits: true}, 0, codes.DeadlineExceeded, "", 3 * time.Second},
		{"the caller's deadline is the same", total, 5 * time.Second, 0, wire{waits: true}, 0, codes.DeadlineExceeded, "", 5 * time.Second},
		{"the caller leaves", both, 0, time.Second, wire{waits: true}, 0, codes.Canceled, "", time.Second},
		{"the upstream notices first", total, 0, 0, wire{sends: seconds(4.99), err: status.Error(codes.DeadlineExceeded, "late")}, 1, codes.DeadlineExceeded, apierror.TimeoutExceeded, 4990 * time.Millisecond},
		{"the upstream notices first, and says it otherwise", total, 0, 0, wire{err: status.Error(codes.Canceled, "gone"), sends: seconds(4.99)}, 1, codes.DeadlineExceeded, apierror.TimeoutExceeded, 4990 * time.Millisecond},
		{"the upstream breaks in the last moment", total, 0, 0, wire{err: lost, sends: seconds(4.99)}, 1, codes.Unavailable, "", 4990 * time.Millisecond},
		{"the upstream gives up early", total, 0, 0, wire{sends: seconds(1), err: status.Error(codes.DeadlineExceeded, "late")}, 1, codes.DeadlineExceeded, "", time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan string, 4)
				intercept := newStream(t, test.policy, timeout.Options{OnExceeded: func(_ context.Context, method string) { told <- method }})
				ctx, cancel := callerContext(t, test.caller, test.leaves)
				defer cancel()
				stream, err := intercept(ctx, &grpc.StreamDesc{ServerStreams: true}, nil, streamMethod, test.wire.open)
				if err != nil {
					t.Fatal(err)
				}
				messages, err := drain(stream)
				took := time.Since(test.wire.opened)
				synctest.Wait()

				if code := status.Code(noEOF(err)); messages != test.messages || code != test.code || took != test.at {
					t.Errorf("%d messages, %v after %v", messages, err, took)
				}
				checkStreamEnd(t, err, test.reason)
				if got := len(told) == 1; got != (test.reason != "") {
					t.Errorf("OnExceeded called %d times", len(told))
				}
				if test.wire.ctx.Err() == nil {
					t.Error("the upstream's context is still open")
				}
				time.Sleep(time.Minute) // nothing happens after the end
				if len(told) > 1 {
					t.Errorf("OnExceeded called %d times", len(told))
				}
			})
		})
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

func checkStreamEnd(t *testing.T, err error, reason apierror.Reason) {
	t.Helper()
	own := apierror.As(err)
	if (own != nil) != (reason != "") || own != nil && own.Reason != reason {
		t.Errorf("%v, want reason %q", err, reason)
	}
	if errors.Is(err, deadline.ErrPolicy) != (reason != "") {
		t.Errorf("deadline.ErrPolicy in the chain of %v", err)
	}
}

// TestStreamOtherDirection holds that what the caller sends keeps a stream alive.
func TestStreamOtherDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upstream := &wire{waits: true}
		intercept := newStream(t, policy.Timeout{Idle: 2 * time.Second}, timeout.Options{})
		stream, err := intercept(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, nil, streamMethod, upstream.open)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for range 5 {
				time.Sleep(1500 * time.Millisecond)
				if err := stream.SendMsg(nil); err != nil {
					t.Error(err)
				}
			}
		}()
		_, err = drain(stream)
		checkStreamEnd(t, err, timeout.StreamIdle)
		if took := time.Since(upstream.opened); took != 5*1500*time.Millisecond+2*time.Second {
			t.Errorf("ended after %s", took)
		}
	})
}

// TestStreamContext holds what the upstream sees: the total bound as its
// deadline, and the bound as the cause of its end.
func TestStreamContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upstream := &wire{waits: true}
		intercept := newStream(t, policy.Timeout{Duration: time.Minute, Idle: time.Second}, timeout.Options{})
		stream, err := intercept(t.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, streamMethod, upstream.open)
		if err != nil {
			t.Fatal(err)
		}
		if end, ok := upstream.ctx.Deadline(); !ok || time.Until(end) != time.Minute {
			t.Errorf("deadline %v %v", end, ok)
		}
		if header, err := stream.Header(); err != nil || header.Get("h") == nil {
			t.Errorf("%v %v", header, err)
		}
		if _, err := drain(stream); err == nil {
			t.Error("no end")
		}
		if cause := context.Cause(upstream.ctx); upstream.ctx.Err() != context.Canceled || cause != deadline.ErrPolicy {
			t.Errorf("%v, cause %v", upstream.ctx.Err(), cause)
		}
	})
}

// TestStreamOpening holds that the bound covers the opening, and that one that
// fails or breaks leaves nothing behind: the bubble ends without a timer.
func TestStreamOpening(t *testing.T) {
	down := status.Error(codes.Unavailable, "down")
	tests := []struct {
		name   string
		open   func(context.Context) error
		reason apierror.Reason
		at     time.Duration
	}{
		{"hangs", func(ctx context.Context) error { <-ctx.Done(); return status.FromContextError(ctx.Err()).Err() }, timeout.StreamIdle, time.Second},
		{"fails", func(context.Context) error { return down }, "", 0},
		{"panics", func(context.Context) error { panic("boom") }, "", 0},
		{"exits", func(context.Context) error { runtime.Goexit(); return nil }, "", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				intercept := newStream(t, policy.Timeout{Idle: time.Second}, timeout.Options{
					OnExceeded: func(context.Context, string) {
						if test.reason == "" {
							t.Error("the timer was left behind")
						}
					},
				})
				start := time.Now()
				var inner context.Context
				ended := make(chan error, 1)
				go func() {
					var err error
					defer func() { _ = recover(); ended <- err }()
					_, err = intercept(t.Context(), &grpc.StreamDesc{}, nil, streamMethod,
						func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
							inner = ctx
							return nil, test.open(ctx)
						})
				}()
				checkStreamEnd(t, <-ended, test.reason)
				if took := time.Since(start); took != test.at || inner.Err() == nil {
					t.Errorf("after %s, context %v", took, inner.Err())
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// TestStreamAbandoned holds that a stream which its caller forgets ends by
// itself, with the caller's context or at a bound.
func TestStreamAbandoned(t *testing.T) {
	for _, leaves := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			told := make(chan string, 1)
			upstream := &wire{waits: true}
			intercept := newStream(t, policy.Timeout{Idle: 2 * time.Second}, timeout.Options{
				OnExceeded: func(_ context.Context, method string) { told <- method },
			})
			ctx, cancel := callerContext(t, 0, leaves)
			defer cancel()
			if _, err := intercept(ctx, &grpc.StreamDesc{ServerStreams: true}, nil, streamMethod, upstream.open); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if err := upstream.ctx.Err(); err == nil || len(told) == 1 != (leaves == 0) {
				t.Errorf("%v, told %d times", err, len(told))
			}
		})
	}
}

// TestSingleResponse holds that the only message of a client's stream is its end.
func TestSingleResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upstream := &wire{sends: seconds(1)}
		intercept := newStream(t, policy.Timeout{Idle: 2 * time.Second}, timeout.Options{
			OnExceeded: func(context.Context, string) { t.Error("the bound outlived the stream") },
		})
		stream, err := intercept(t.Context(), &grpc.StreamDesc{ClientStreams: true}, nil, streamMethod, upstream.open)
		if err == nil {
			err = stream.RecvMsg(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if upstream.ctx.Err() == nil {
			t.Error("the upstream's context is still open")
		}
	})
}

func TestStreamShadow(t *testing.T) {
	both := policy.Timeout{Duration: 5 * time.Second, Idle: 2 * time.Second, Shadow: true}
	tests := []struct {
		name   string
		caller time.Duration
		wire   wire
		want   []string
	}{
		{"in time", 0, wire{sends: seconds(1, 2), err: io.EOF}, nil},
		{"silent", 0, wire{sends: seconds(3), err: io.EOF}, []string{timeout.WouldIdle}},
		{"silent twice, and too long", 0, wire{sends: seconds(2.5, 6), err: io.EOF}, []string{timeout.WouldIdle, timeout.WouldExceed}},
		{"too long", 0, wire{sends: seconds(1, 2, 3, 4, 5, 6, 7, 10, 13), err: io.EOF}, []string{timeout.WouldExceed}},
		{"the caller's deadline is sooner", 4 * time.Second, wire{sends: seconds(1, 2, 3), waits: true}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan string, 8)
				intercept := newStream(t, both, timeout.Options{
					OnShadow:   func(_ context.Context, would string) { told <- would },
					OnExceeded: func(context.Context, string) { t.Error("exceeded") },
				})
				ctx, cancel := callerContext(t, test.caller, 0)
				defer cancel()
				stream, err := intercept(ctx, &grpc.StreamDesc{ServerStreams: true}, nil, streamMethod, test.wire.open)
				if err != nil {
					t.Fatal(err)
				}
				if _, has := test.wire.ctx.Deadline(); has != (test.caller > 0) {
					t.Error("the upstream's deadline is not the caller's")
				}
				_, err = drain(stream)
				if apierror.As(err) != nil {
					t.Errorf("%v", err)
				}
				time.Sleep(time.Minute)
				if diff := cmp.Diff(test.want, received(told)); diff != "" {
					t.Errorf("told (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// received returns what a channel holds.
func received(c chan string) (all []string) {
	for len(c) > 0 {
		all = append(all, <-c)
	}
	return all
}

func TestRefusedStreamBounds(t *testing.T) {
	for _, p := range []policy.Timeout{{}, {Duration: -1}, {Idle: -1}, {Duration: -1, Idle: 1}} {
		if _, err := timeout.NewStream(p, timeout.Options{}); err == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
	if _, err := timeout.New(policy.Timeout{Duration: time.Second, Idle: time.Second}, timeout.Options{}); err == nil {
		t.Error("a unary call with an idle time is accepted")
	}
}

// BenchmarkStreamMessage is what a message costs under both bounds.
func BenchmarkStreamMessage(b *testing.B) {
	intercept := newStream(b, policy.Timeout{Duration: time.Hour, Idle: time.Minute}, timeout.Options{})
	for name, open := range map[string]grpc.StreamClientInterceptor{
		"bounded": intercept,
		"bare": func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return streamer(ctx, desc, cc, method, opts...)
		},
	} {
		b.Run(name, func(b *testing.B) {
			upstream := &wire{}
			stream, err := open(b.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, streamMethod, upstream.open)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				_ = stream.RecvMsg(nil)
			}
		})
	}
}
