package timeout_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/timeout"
)

const method = "/venta.vendor.v2.VendorService/GetVendor"

// upstream returns err after a while, or what gRPC returns when ctx ends first.
func upstream(after time.Duration, err error) grpc.UnaryInvoker {
	return func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		select {
		case <-time.After(after):
			return err
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	}
}

func TestWholeCall(t *testing.T) {
	const never = time.Hour
	exceeded := status.Error(codes.DeadlineExceeded, "too late")
	notFound := status.Error(codes.NotFound, "no such vendor")
	tests := []struct {
		name     string
		caller   time.Duration // the caller's deadline; 0: none
		cancel   time.Duration // when the caller cancels; 0: never
		after    time.Duration // when the upstream responds
		response error

		wantCode codes.Code
		wantOwn  bool // the gateway's own error
		wantAt   time.Duration
	}{
		{"in time", 0, 0, time.Second, nil, codes.OK, false, time.Second},
		{"an error in time", 0, 0, time.Second, notFound, codes.NotFound, false, time.Second},
		{"over time", 0, 0, never, nil, codes.DeadlineExceeded, true, 5 * time.Second},
		{"over time, the caller would wait longer", time.Minute, 0, never, nil, codes.DeadlineExceeded, true, 5 * time.Second},
		{"the caller's deadline is sooner", 3 * time.Second, 0, never, nil, codes.DeadlineExceeded, false, 3 * time.Second},
		{"the caller's deadline is the same", 5 * time.Second, 0, never, nil, codes.DeadlineExceeded, false, 5 * time.Second},
		{"the caller cancels", 0, time.Second, never, nil, codes.Canceled, false, time.Second},
		{"the upstream notices first", 0, 0, 4990 * time.Millisecond, exceeded, codes.DeadlineExceeded, true, 4990 * time.Millisecond},
		{"the upstream notices first, and says it otherwise", 0, 0, 4990 * time.Millisecond, status.Error(codes.Canceled, "gone"), codes.DeadlineExceeded, true, 4990 * time.Millisecond},
		{"the upstream cancels early, on its own", 0, 0, time.Second, status.Error(codes.Canceled, "gone"), codes.Canceled, false, time.Second},
		{"the upstream gives up early, on its own", 0, 0, time.Second, exceeded, codes.DeadlineExceeded, false, time.Second},
		{"the upstream notices the caller's deadline first", 3 * time.Second, 0, 2990 * time.Millisecond, exceeded, codes.DeadlineExceeded, false, 2990 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				exceeded := 0
				intercept, err := timeout.New(policy.Timeout{Duration: 5 * time.Second}, timeout.Options{
					OnExceeded: func(_ context.Context, got string) {
						if exceeded++; got != method {
							t.Errorf("OnExceeded got method %q", got)
						}
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := callerContext(t, test.caller, test.cancel)
				defer cancel()
				start := time.Now()

				err = intercept(ctx, method, nil, nil, nil, upstream(test.after, test.response))

				if got := status.Code(err); got != test.wantCode {
					t.Errorf("code %v, want %v (%v)", got, test.wantCode, err)
				}
				if got := time.Since(start); got != test.wantAt {
					t.Errorf("ended after %v, want %v", got, test.wantAt)
				}
				if got := exceeded == 1; got != test.wantOwn {
					t.Errorf("OnExceeded called %d times, own error %v", exceeded, test.wantOwn)
				}
				checkOwn(t, err, test.wantOwn, "no response within 5s")
			})
		})
	}
}

func callerContext(t *testing.T, deadline, cancelAfter time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	if cancelAfter > 0 {
		time.AfterFunc(cancelAfter, cancel)
	}
	if deadline == 0 {
		return ctx, cancel
	}
	bounded, cancelBounded := context.WithTimeout(ctx, deadline)
	return bounded, func() { cancelBounded(); cancel() }
}

func checkOwn(t *testing.T, err error, want bool, message string) {
	t.Helper()
	own := apierror.As(err)
	if (own != nil) != want {
		t.Fatalf("own error %v, want %v", own, want)
	}
	if errors.Is(err, deadline.ErrPolicy) != want {
		t.Errorf("deadline.ErrPolicy in the chain of %v: want %v", err, want)
	}
	if want && (own.Reason != apierror.TimeoutExceeded || own.Message != message) {
		t.Errorf("reason %s, message %q; want %q", own.Reason, own.Message, message)
	}
}

// The two bounds of one stack: whichever passes first names itself.
func TestAttemptInsideWhole(t *testing.T) {
	tests := []struct {
		name           string
		whole, attempt time.Duration
		wantMessage    string
		wantCalls      [2]int // OnExceeded of the whole and of the attempt
	}{
		{"the attempt's", 5 * time.Second, time.Second, "no response to an attempt within 1s", [2]int{0, 1}},
		{"the whole call's", time.Second, 5 * time.Second, "no response within 1s", [2]int{1, 0}},
		{"both at once: the whole call's", time.Second, time.Second, "no response within 1s", [2]int{1, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls [2]int
				count := func(i int) timeout.Options {
					return timeout.Options{OnExceeded: func(context.Context, string) { calls[i]++ }}
				}
				whole, err := timeout.New(policy.Timeout{Duration: test.whole}, count(0))
				if err != nil {
					t.Fatal(err)
				}
				attempt, err := timeout.PerAttempt(test.attempt, count(1))
				if err != nil {
					t.Fatal(err)
				}
				inner := func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption) error {
					return attempt(ctx, method, req, reply, cc, upstream(time.Hour, nil), opts...)
				}
				err = whole(t.Context(), method, nil, nil, nil, inner)
				checkOwn(t, err, true, test.wantMessage)
				if calls != test.wantCalls {
					t.Errorf("OnExceeded calls %v, want %v", calls, test.wantCalls)
				}
			})
		})
	}
}

// What other interceptors return need not be a status.
func TestPlainContextError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		intercept, err := timeout.New(policy.Timeout{Duration: time.Second}, timeout.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = intercept(t.Context(), method, nil, nil, nil,
			func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
				<-ctx.Done()
				return ctx.Err()
			})
		checkOwn(t, err, true, "no response within 1s")
	})
}

// Whoever ends the call first has ended it, whatever the upstream calls it.
func TestCallerLeavesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		intercept, err := timeout.New(policy.Timeout{Duration: time.Second}, timeout.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := callerContext(t, 0, time.Second/2)
		defer cancel()
		err = intercept(ctx, method, nil, nil, nil,
			func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
				<-ctx.Done()
				return status.Error(codes.DeadlineExceeded, "gone")
			})
		checkOwn(t, err, false, "")
	})
}

// A response that races with the bound is a response.
func TestLastMomentResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		intercept, err := timeout.New(policy.Timeout{Duration: time.Second}, timeout.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := status.Error(codes.NotFound, "no such vendor")
		got := intercept(t.Context(), method, nil, nil, nil,
			func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
				<-ctx.Done()
				return want
			})
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestContextIsReleased(t *testing.T) {
	intercept, err := timeout.New(policy.Timeout{Duration: time.Hour}, timeout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var inner context.Context
	defer func() {
		if recover() == nil || inner.Err() == nil {
			t.Error("the panic must pass, and the context must be released")
		}
	}()
	_ = intercept(t.Context(), method, nil, nil, nil,
		func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
			inner = ctx
			panic("upstream")
		})
}

func TestRefusedDurations(t *testing.T) {
	for _, d := range []time.Duration{0, -time.Second} {
		if _, err := timeout.New(policy.Timeout{Duration: d}, timeout.Options{}); err == nil {
			t.Errorf("New accepted %s", d)
		}
		if _, err := timeout.PerAttempt(d, timeout.Options{}); err == nil {
			t.Errorf("PerAttempt accepted %s", d)
		}
	}
}
