package upstream

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

func TestStreamsFeedTheBreaker(t *testing.T) {
	broken := func(context.Context) error { return status.Error(codes.Unavailable, "as told") }
	tests := map[string]struct {
		mute     bool // no first message
		response func(context.Context) error
		want     State
	}{
		"ends well":           {false, func(context.Context) error { return nil }, Closed},
		"ends well, empty":    {true, func(context.Context) error { return nil }, Closed},
		"fails to open":       {true, broken, Open},
		"breaks later":        {false, broken, Open},
		"business error":      {true, func(context.Context) error { return status.Error(codes.NotFound, "") }, Closed},
		"late business error": {false, func(context.Context) error { return status.Error(codes.NotFound, "") }, Closed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, "a")
				conn := c.dial(Options{})
				p := endpointPolicy()
				p.MinimumCalls = 4 // two streams that break after they opened
				if test.mute {
					p.MinimumCalls = 2
				}
				group := newGroup(t, conn, GroupOptions{NewBreaker: realBreakers(p)})
				ready(t, conn)
				c.backend("a").mute.Store(test.mute)
				c.backend("a").behave(test.response)
				for range 2 {
					stream := hold(t, t.Context(), conn, group.StreamClientInterceptor())
					for stream.RecvMsg(new(emptyMessage)) == nil {
					}
				}
				m, err := group.member("a")
				if err != nil {
					t.Fatal(err)
				}
				if got := m.breaker.State(); got != test.want {
					t.Errorf("the breaker is %v, want %v", got, test.want)
				}
				if got := conn.View().InFlight; got != 0 {
					t.Errorf("%d streams in flight", got)
				}
			})
		})
	}
}

// A stream keeps a probe's slot until its first message, and one that its caller
// leaves gives it back.
func TestStreamAsProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		group := newGroup(t, conn, GroupOptions{})
		step := group.UnaryClientInterceptor()
		ready(t, conn)
		c.backend("a").fail(codes.Unavailable)
		spread(t, conn, 3, step)
		c.backend("a").behave(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		time.Sleep(time.Second) // virtual
		c.backend("a").mute.Store(true)
		ctx, cancel := context.WithCancel(t.Context())
		hold(t, ctx, conn, group.StreamClientInterceptor())
		if _, err := call(t.Context(), conn, step); !apierror.Refused(err) {
			t.Errorf("a call beside the probe: %v, want a refusal", err)
		}
		cancel()
		synctest.Wait()
		c.backend("a").mute.Store(false)
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		stream := hold(t, ctx, conn, group.StreamClientInterceptor())
		if err := stream.RecvMsg(new(emptyMessage)); err != nil {
			t.Fatal(err)
		}
		m, err := group.member("a")
		if err != nil {
			t.Fatal(err)
		}
		if got := m.breaker.State(); got != Closed {
			t.Errorf("the breaker is %v after the first message of a stream that goes on, want closed", got)
		}
	})
}

func TestRefusedStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		group := newGroup(t, conn, GroupOptions{})
		ready(t, conn)
		c.backend("a").fail(codes.Unavailable)
		spread(t, conn, 3, group.UnaryClientInterceptor())
		open := func(ctx context.Context, desc *grpc.StreamDesc, _ *grpc.ClientConn, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			return conn.NewStream(ctx, desc, method, opts...)
		}
		_, err := group.StreamClientInterceptor()(t.Context(), &grpc.StreamDesc{ServerStreams: true}, nil, streamMethod, open)
		if !apierror.Refused(err) {
			t.Errorf("stream = %v, want the gateway's refusal", err)
		}
	})
}

// TestStreamThatIsLeft holds that a stream which its caller gave up tells how slow
// the address was, where the address had all that it needed.
func TestStreamThatIsLeft(t *testing.T) {
	tests := map[string]struct {
		silent bool // the caller sends nothing
		after  time.Duration
		want   State
	}{
		"late":                           {false, 3 * time.Second, Open},
		"early":                          {false, time.Second, Closed},
		"late, but the caller is silent": {true, 3 * time.Second, Closed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, "a")
				conn := c.dial(Options{})
				p := endpointPolicy()
				p.MinimumCalls, p.SlowCallDuration, p.SlowCallThresholdPercent = 1, 2*time.Second, 100
				group := newGroup(t, conn, GroupOptions{NewBreaker: realBreakers(p)})
				ready(t, conn)
				c.backend("a").mute.Store(true)
				c.backend("a").behave(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
				ctx, cancel := context.WithCancel(t.Context())
				stream := hold(t, ctx, conn, group.StreamClientInterceptor())
				if !test.silent {
					if err := stream.SendMsg(new(emptyMessage)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(test.after) // virtual
				cancel()
				synctest.Wait()
				m, err := group.member("a")
				if err != nil {
					t.Fatal(err)
				}
				if got := m.breaker.State(); got != test.want {
					t.Errorf("the breaker is %v, want %v", got, test.want)
				}
			})
		})
	}
}
