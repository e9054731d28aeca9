package upstream

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver/manual"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/timeout"
)

// stack is the steps of the gateway around an idempotent call, the innermost
// first.
func stack(t *testing.T, conn *Conn) []grpc.UnaryClientInterceptor {
	t.Helper()
	attempt, err := timeout.PerAttempt(200*time.Millisecond, timeout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := retry.New(policy.Retry{
		MaxAttempts: 3, InitialBackoff: 10 * time.Millisecond, MaxBackoff: 50 * time.Millisecond, BackoffMultiplier: 2,
		RetryableStatusCodes: []codes.Code{codes.Unavailable, codes.DeadlineExceeded},
		Budget:               policy.RetryBudget{Percent: 20, MinPerSecond: 10},
	}, retry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return []grpc.UnaryClientInterceptor{
		attempt, newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor(), again, SpreadAttempts(),
	}
}

// load calls 200 times a second of virtual time until stop, and counts failures
// after the first second.
func load(t *testing.T, conn *Conn, d time.Duration) (early, late int64) {
	t.Helper()
	steps := stack(t, conn)
	var wg sync.WaitGroup
	var failed [2]atomic.Int64
	start := time.Now()
	for time.Since(start) < d {
		phase := min(int(time.Since(start)/time.Second), 1)
		wg.Go(func() {
			if _, err := call(t.Context(), conn, steps...); err != nil {
				failed[phase].Add(1)
			}
		})
		time.Sleep(5 * time.Millisecond) // virtual
	}
	wg.Wait()
	return failed[0].Load(), failed[1].Load()
}

// One of three backends fails in each way that there is; idempotent calls fail at
// most in the first second.
func TestOneOfThreeIsBad(t *testing.T) {
	tests := map[string]func(c *cluster){
		"dead":    func(c *cluster) { c.kill("b") },
		"failing": func(c *cluster) { c.backend("b").fail(codes.Unavailable) },
		"hanging": func(c *cluster) {
			c.backend("b").behave(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		},
		"unplugged": func(c *cluster) { c.unplug("b") },
	}
	for name, harm := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, "a", "b", "c")
				conn := c.dial(Options{})
				ready(t, conn)
				harm(c)
				early, late := load(t, conn, 3*time.Second)
				if late != 0 {
					t.Errorf("%d calls failed after the first second", late)
				}
				t.Logf("%d calls failed in the first second", early)
			})
		})
	}
}

// The same with real sockets and real time: one of three is killed under load and
// comes back on the same port.
func TestRealBackendDiesAndComesBack(t *testing.T) {
	backends := map[string]*backend{}
	var addresses []string
	for range 3 {
		b := newBackend("")
		b.name = serve(t, b, "127.0.0.1:0")
		backends[b.name] = b
		addresses = append(addresses, b.name)
	}
	resolver := manual.NewBuilderWithScheme("test")
	resolver.InitialState(found(addresses...))
	conn, err := New("test:///names", Options{Resolver: resolver, ConnectionsPerAddress: 2, EjectionReturn: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() // it has no calls left
	steps := stack(t, conn)
	responses := func(address string) bool { return spread(t, conn, 1, steps...)[address] > 0 }
	for _, address := range addresses {
		for !responses(address) { // it connects
		}
	}
	bad := addresses[1]
	var wg sync.WaitGroup
	wg.Go(backends[bad].server.Stop)
	for address, n := range spread(t, conn, 300, steps...) {
		if backends[address] == nil {
			t.Errorf("%d calls failed with %s while a backend died", n, address)
		}
	}
	wg.Wait()
	if got := spread(t, conn, 30, steps...)[bad]; got != 0 {
		t.Errorf("the dead backend responded %d calls", got)
	}
	again := newBackend(bad)
	serve(t, again, bad)
	for !responses(bad) { // it is found again by itself
	}
}

// A connection whose packets are lost is noticed by its pings.
func TestUnpluggedConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn := c.dial(Options{KeepaliveTime: 10 * time.Second, KeepaliveTimeout: 2 * time.Second, KeepaliveWhenIdle: true})
		ready(t, conn)
		c.unplug("b")
		time.Sleep(15 * time.Second) // virtual
		synctest.Wait()
		if got := conn.View().Addresses[1].State; got == connectivity.Ready {
			t.Errorf("address b is %v, want its connection closed", got)
		}
		if got := spread(t, conn, 10); got["a"] != 10 {
			t.Errorf("responses: %v", got)
		}
		c.plug("b")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := spread(t, conn, 10); got["a"] != 5 || got["b"] != 5 {
			t.Errorf("responses with b back: %v", got)
		}
	})
}

// What was never sent is sent elsewhere, by grpc-go itself and at once, though its
// retries are off.
func TestUnsentCallsGoElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		conn := c.dial(Options{})
		ready(t, conn)
		var wg sync.WaitGroup
		var failed atomic.Int64
		stop := make(chan struct{})
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := call(t.Context(), conn); err != nil {
						failed.Add(1)
					}
					time.Sleep(time.Millisecond) // virtual
				}
			})
		}
		for range 10 {
			time.Sleep(100 * time.Millisecond)
			c.backend("b").server.GracefulStop() // GOAWAY: what it has not begun was never sent
			c.run("b")
		}
		close(stop)
		wg.Wait()
		if got := failed.Load(); got != 0 {
			t.Errorf("%d calls failed while a backend restarted in order", got)
		}
	})
}

// unplug has the packets of a backend's connections lost, and no new ones made,
// until plug.
func (c *cluster) unplug(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unplugged[name] = true
	for _, cable := range c.cables[name] {
		cable.cut.Store(true)
	}
	c.cables[name] = nil
}

func (c *cluster) plug(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.unplugged, name)
}

// cable is a connection that can lose what is written to it.
type cable struct {
	net.Conn
	cut atomic.Bool
}

func (c *cable) Write(p []byte) (int, error) {
	if c.cut.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}
