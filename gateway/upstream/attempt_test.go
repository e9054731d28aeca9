package upstream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
)

func TestAttemptsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, names(4)...)
		conn := c.dial(Options{})
		group := newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor()
		ready(t, conn)
		for _, steps := range [][]grpc.UnaryClientInterceptor{{attempts(4), SpreadAttempts()}, {group, attempts(4), SpreadAttempts()}} {
			for range 50 {
				before := map[string]int64{}
				for _, name := range names(4) {
					before[name] = c.backend(name).calls.Load()
				}
				if _, err := call(t.Context(), conn, steps...); err != nil {
					t.Fatal(err)
				}
				for _, name := range names(4) {
					if got := c.backend(name).calls.Load() - before[name]; got != 1 {
						t.Fatalf("%s got %d of the 4 attempts, want 1", name, got)
					}
				}
			}
		}
	})
}

// attempts is a step that makes n attempts at once, as hedging may.
func attempts(n int) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, _ any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { errs[i] = invoker(ctx, method, req, new(emptyMessage), cc, opts...) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
}

// However the calls between them advance the round robin.
func TestAttemptsSpreadAmongOtherCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, names(4)...)
		conn := c.dial(Options{})
		group := newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor()
		ready(t, conn)
		for _, inner := range [][]grpc.UnaryClientInterceptor{nil, {group}} {
			met := map[string]bool{}
			between := func(ctx context.Context, method string, req, _ any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
				for range 4 {
					reply := new(emptyMessage)
					if err := invoker(ctx, method, req, reply, cc, opts...); err != nil {
						return err
					}
					met[reply.GetValue()] = true
					spread(t, conn, 3)
				}
				return nil
			}
			if _, err := call(t.Context(), conn, append(inner, between, SpreadAttempts())...); err != nil {
				t.Fatal(err)
			}
			if len(met) != 4 {
				t.Errorf("the attempts met %v, want all four", met)
			}
		}
	})
}

func TestMoreAttemptsThanAddressesRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		if _, err := call(t.Context(), conn, attempts(2*maxTried), SpreadAttempts()); err != nil {
			t.Fatal(err)
		}
		if got := c.backend("a").calls.Load(); got != 2*maxTried {
			t.Errorf("%d attempts arrived, want %d", got, 2*maxTried)
		}
	})
}
