package circuitbreaker_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
)

// TestShadow follows a breaker in shadow mode through all its states: it admits
// every call, tells those that it would have refused, and counts the others.
func TestShadow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.Shadow, p.MinimumCalls, p.HalfOpenCalls = true, 2, 1
		told, calls := 0, 0
		type key struct{}
		b := newBreaker(t, p, circuitbreaker.Options{OnShadow: func(ctx context.Context, would string) {
			if told++; would != circuitbreaker.WouldRefuse || ctx.Value(key{}) == nil {
				t.Errorf("would %q", would)
			}
		}})
		intercept := b.UnaryClientInterceptor()
		ctx := context.WithValue(t.Context(), key{}, true)
		call := func(err error) {
			t.Helper()
			got := intercept(ctx, method, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
				calls++
				return err
			})
			if got != err {
				t.Errorf("got %v", got)
			}
		}
		check := func(state circuitbreaker.State, wantTold int) {
			t.Helper()
			wantState(t, b, state)
			if told != wantTold {
				t.Errorf("told %d times, want %d", told, wantTold)
			}
		}
		down := status.Error(codes.Unavailable, "down")
		call(down)
		call(down)
		check(open, 0)
		call(nil) // counts nowhere: an enforcing breaker would not know of it
		call(down)
		check(open, 2)
		time.Sleep(p.OpenDuration) // virtual
		check(halfOpen, 2)
		probe, err := b.Admit(ctx) // takes the only slot
		if err != nil {
			t.Fatal(err)
		}
		call(down) // while it is taken
		check(halfOpen, 3)
		probe.Done(success)
		check(closed, 3)
		call(nil)
		check(closed, 3)
		if calls != 6 {
			t.Errorf("%d calls reached the upstream, want 6", calls)
		}
	})
}

// TestShadowStream holds the same for streams.
func TestShadowStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.Shadow, p.MinimumCalls = true, 1
		told := 0
		b := newBreaker(t, p, circuitbreaker.Options{OnShadow: func(context.Context, string) { told++ }})
		for i := range 3 {
			upstream := wire{recv: []func(context.Context) error{returns(status.Error(codes.Unavailable, "down"))}}
			stream, err := b.StreamClientInterceptor()(t.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, method, upstream.streamer)
			if err != nil {
				t.Fatal(err)
			}
			receive(stream)
			wantState(t, b, open)
			if told != i {
				t.Errorf("told %d times, want %d", told, i)
			}
		}
	})
}

// A breaker that is asked without regard to its mode refuses.
func TestAcquireRefusesInShadow(t *testing.T) {
	p := basePolicy()
	p.Shadow, p.MinimumCalls = true, 1
	b := newBreaker(t, p, circuitbreaker.Options{OnShadow: func(context.Context, string) { t.Error("told") }})
	acquire(t, b).Done(failure)
	if _, err := b.Acquire(); err == nil {
		t.Error("an open breaker admits")
	}
}
