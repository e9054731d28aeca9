package upstream

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
)

func TestFailingAddressIsEjectedAndReturnsBySteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		conn := c.dial(Options{EjectionReturn: 10 * time.Second})
		var events []Ejection
		group := newGroup(t, conn, GroupOptions{
			Name:       "names",
			OnEjection: func(_ context.Context, e Ejection) { events = append(events, e) },
		})
		step := group.UnaryClientInterceptor()
		ready(t, conn)

		c.backend("b").fail(codes.Unavailable)
		if got := spread(t, conn, 9, step); got["Unavailable"] != 2 {
			t.Errorf("responses until b is ejected: %v, want 2 failures", got)
		}
		if diff := cmp.Diff(map[string]int{"a": 15, "c": 15}, spread(t, conn, 30, step)); diff != "" {
			t.Errorf("responses with b ejected (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]EjectionView{{Group: "names", State: Open}}, conn.View().Addresses[1].Ejections); diff != "" {
			t.Errorf("View of b (-want +got):\n%s", diff)
		}

		time.Sleep(time.Second) // virtual: b gets a probe, which fails
		if got := spread(t, conn, 9, step); got["Unavailable"] != 1 {
			t.Errorf("responses with a failing probe: %v, want 1 failure", got)
		}

		c.backend("b").behave(func(context.Context) error { return nil })
		time.Sleep(time.Second)
		spread(t, conn, 3, step) // one of them is the probe
		returning := func(share float64) {
			t.Helper()
			even(conn)
			got := spread(t, conn, 1000, step)
			want := 1000 * share / (2 + share)
			if n := float64(got["b"]); n < want*0.9 || n > want*1.1 {
				t.Errorf("b got %v of 1000 calls with a share of %v, want about %v", n, share, want)
			}
			if got := conn.View().Addresses[1].Ejections; share < 1 && (len(got) != 1 || got[0].State != Closed || got[0].Share-share > 1e-9) {
				t.Errorf("View of b = %+v, want a share of %v", got, share)
			} else if share == 1 && len(got) != 0 {
				t.Errorf("View of b = %+v, want nothing to tell", got)
			}
		}
		returning(0.1)
		time.Sleep(5 * time.Second)
		returning(0.55)
		time.Sleep(5 * time.Second)
		returning(1)

		var moves [][2]State
		for _, e := range events {
			if e.Address != "b" || e.Group != "names" || e.Target != "test:///names" || e.Shadow {
				t.Errorf("event %+v is not of b", e)
			}
			moves = append(moves, [2]State{e.From, e.To})
		}
		want := [][2]State{{Closed, Open}, {Open, HalfOpen}, {HalfOpen, Open}, {Open, HalfOpen}, {HalfOpen, Closed}}
		if diff := cmp.Diff(want, moves); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestReturnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn := c.dial(Options{EjectionReturn: -1})
		step := newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor()
		ready(t, conn)
		c.backend("b").fail(codes.Unavailable)
		spread(t, conn, 8, step)
		c.backend("b").behave(func(context.Context) error { return nil })
		time.Sleep(time.Second)
		spread(t, conn, 2, step)
		if diff := cmp.Diff(map[string]int{"a": 10, "b": 10}, spread(t, conn, 20, step)); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
	})
}

func TestEveryAddressEjectedRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b", "c")
		conn := c.dial(Options{})
		step := newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor()
		ready(t, conn)
		for _, name := range names(3) {
			c.backend(name).fail(codes.Unavailable)
			time.Sleep(100 * time.Millisecond) // virtual
		}
		for range 6 {
			spread(t, conn, 1, step)
			time.Sleep(10 * time.Millisecond)
		}
		before := c.backend("a").calls.Load() + c.backend("b").calls.Load() + c.backend("c").calls.Load()
		start := time.Now()
		_, err := call(t.Context(), conn, step)
		own := apierror.As(err)
		if own == nil || own.Reason != apierror.CircuitOpen || !apierror.Refused(err) {
			t.Fatalf("call = %v, want the gateway's refusal CIRCUIT_OPEN", err)
		}
		// The first one to open did so 30ms ago at most.
		if own.RetryAfter < 960*time.Millisecond || own.RetryAfter > 980*time.Millisecond {
			t.Errorf("RetryAfter = %v, want the time until the first address gets a probe", own.RetryAfter)
		}
		if time.Since(start) != 0 {
			t.Errorf("the refusal took %v", time.Since(start))
		}
		if _, err := call(t.Context(), conn); apierror.As(err) != nil || status.Code(err) != codes.Unavailable {
			t.Errorf("a call without the group: %v, want the upstream's own error", err)
		}
		after := c.backend("a").calls.Load() + c.backend("b").calls.Load() + c.backend("c").calls.Load()
		if after-before != 1 {
			t.Errorf("the upstream got %d calls, want that without the group alone", after-before)
		}
		for _, name := range names(3) {
			c.backend(name).behave(func(context.Context) error { return nil })
		}
		time.Sleep(time.Second)
		if got := spread(t, conn, 9, step); got["Unavailable"] != 0 {
			t.Errorf("responses after the outage: %v", got)
		}
	})
}

func TestGroupsAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn := c.dial(Options{})
		one := newGroup(t, conn, GroupOptions{Name: "one"}).UnaryClientInterceptor()
		two := newGroup(t, conn, GroupOptions{Name: "two"}).UnaryClientInterceptor()
		ready(t, conn)
		c.backend("b").fail(codes.Unavailable)
		spread(t, conn, 6, one)
		c.backend("b").behave(func(context.Context) error { return nil })
		if got := spread(t, conn, 10, one); got["a"] != 10 {
			t.Errorf("the group that saw the failures: %v, want a alone", got)
		}
		if got := spread(t, conn, 10, two); got["a"] != 5 || got["b"] != 5 {
			t.Errorf("another group: %v, want both", got)
		}
	})
}

func TestEjectionOutlivesIdleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn := c.dial(Options{IdleTimeout: time.Second})
		p := endpointPolicy()
		p.OpenDuration = time.Hour
		step := newGroup(t, conn, GroupOptions{NewBreaker: realBreakers(p)}).UnaryClientInterceptor()
		ready(t, conn)
		c.backend("b").fail(codes.Unavailable)
		spread(t, conn, 6, step)
		time.Sleep(time.Minute) // virtual
		if got := len(conn.View().Addresses); got != 0 {
			t.Fatalf("%d addresses, want an idle connection", got)
		}
		ready(t, conn)
		if got := spread(t, conn, 10, step); got["a"] != 10 {
			t.Errorf("responses: %v, want b still ejected", got)
		}
	})
}

func TestShadowOnlyReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn := c.dial(Options{EjectionReturn: time.Hour})
		would := map[string]int{}
		var events []Ejection
		step := newGroup(t, conn, GroupOptions{
			Shadow: true, OnShadow: func(_ context.Context, what string) { would[what]++ },
			OnEjection: func(_ context.Context, e Ejection) { events = append(events, e) },
		}).UnaryClientInterceptor()
		ready(t, conn)
		c.backend("b").fail(codes.Unavailable)
		if diff := cmp.Diff(map[string]int{"a": 10, "Unavailable": 10}, spread(t, conn, 20, step)); diff != "" {
			t.Errorf("responses (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]int{"eject": 8}, would); diff != "" {
			t.Errorf("reports (-want +got):\n%s", diff)
		}
		if len(events) != 1 || !events[0].Shadow || events[0].To != Open {
			t.Errorf("events = %+v, want the ejection that would have been", events)
		}
		c.backend("b").behave(func(context.Context) error { return nil })
		time.Sleep(time.Second)
		spread(t, conn, 2, step)
		if diff := cmp.Diff(map[string]int{"a": 10, "b": 10}, spread(t, conn, 20, step)); diff != "" {
			t.Errorf("responses after the return (-want +got):\n%s", diff)
		}
	})
}

func TestShadowWithoutListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		step := newGroup(t, conn, GroupOptions{Shadow: true}).UnaryClientInterceptor()
		c.backend("a").fail(codes.Unavailable)
		if got := spread(t, conn, 10, step); got["Unavailable"] != 10 || c.backend("a").calls.Load() != 10 {
			t.Errorf("responses: %v", got)
		}
	})
}

// A probe that never tells must not keep its slot.
func TestProbeThatDoesNotReturnGivesItsSlotBack(t *testing.T) {
	leave := map[string]func(){
		"panic":  func() { panic("as told") },
		"Goexit": runtime.Goexit,
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, "a")
				conn := c.dial(Options{})
				step := newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor()
				ready(t, conn)
				c.backend("a").fail(codes.Unavailable)
				spread(t, conn, 3, step)
				c.backend("a").behave(func(context.Context) error { return nil })
				time.Sleep(time.Second)
				var wg sync.WaitGroup
				wg.Go(func() {
					defer func() { _ = recover() }() // the panic is the test's own
					_, _ = call(t.Context(), conn, leaving(leave), step)
				})
				wg.Wait()
				if got := spread(t, conn, 3, step); got["a"] != 3 {
					t.Errorf("responses: %v, want the slot free for a probe", got)
				}
			})
		})
	}
}

// leaving is a step that makes the call and then leaves without a return.
func leaving(leave func()) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		err := invoker(ctx, method, req, reply, cc, opts...)
		leave()
		return err
	}
}

// An address that fails on its way back waits for its probes with no small share.
func TestProbesDoNotWaitForTheirShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn := c.dial(Options{EjectionReturn: time.Hour})
		group := newGroup(t, conn, GroupOptions{})
		step := group.UnaryClientInterceptor()
		ready(t, conn)
		m, err := group.member("b")
		if err != nil {
			t.Fatal(err)
		}
		m.changed(t.Context(), HalfOpen, Closed)
		conn.hub.random = func() float64 { return 0.99 }
		if got := spread(t, conn, 10, step); got["a"] != 10 {
			t.Fatalf("responses %v, want b without luck", got)
		}
		m.changed(t.Context(), Closed, Open)
		m.changed(t.Context(), Open, HalfOpen)
		if got := spread(t, conn, 2, step); got["b"] != 1 {
			t.Errorf("responses %v, want b to have its turn", got)
		}
	})
}

// A reload makes groups anew, and may fail and never use them.
func TestGroupOfTheSameNameTakesThePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		older, newer := newGroup(t, conn, GroupOptions{}), newGroup(t, conn, GroupOptions{})
		shows := func(want State) {
			t.Helper()
			if got := conn.View().Addresses[0].Ejections; want == Closed && len(got) > 0 || want == Open && (len(got) != 1 || got[0].State != Open) {
				t.Errorf("View = %+v, want one group that is %v", got, want)
			}
		}
		ready(t, conn)
		c.backend("a").fail(codes.Unavailable)
		spread(t, conn, 3, older.UnaryClientInterceptor())
		shows(Open)
		c.backend("a").behave(func(context.Context) error { return nil })
		spread(t, conn, 1, newer.UnaryClientInterceptor())
		shows(Closed)
		spread(t, conn, 1, older.UnaryClientInterceptor()) // a call that began before
		shows(Closed)
	})
}

// A half-open address must not swallow what it has no slot for.
func TestRefusingAddressIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a", "b")
		conn := c.dial(Options{EjectionReturn: -1})
		step := newGroup(t, conn, GroupOptions{}).UnaryClientInterceptor()
		ready(t, conn)
		c.backend("b").fail(codes.Unavailable)
		spread(t, conn, 6, step)
		c.backend("b").behave(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		time.Sleep(time.Second) // virtual
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		var a, late atomic.Int64
		for range 20 {
			wg.Go(func() {
				if name, err := call(ctx, conn, step); err == nil && name == "a" {
					a.Add(1)
				} else if status.Code(err) == codes.DeadlineExceeded {
					late.Add(1)
				}
			})
		}
		wg.Wait()
		if a.Load() != 19 || late.Load() != 1 {
			t.Errorf("%d calls were responded and %d hung, want 19 and the probe", a.Load(), late.Load())
		}
	})
}

func TestNewGroupRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newCluster(t, "a").dial(Options{})
		p := endpointPolicy()
		p.MinimumCalls = 0
		for name, o := range map[string]GroupOptions{
			"no breaker":         {Name: "x"},
			"no name":            {NewBreaker: realBreakers(endpointPolicy())},
			"a policy of no use": {Name: "x", NewBreaker: realBreakers(p)},
		} {
			if _, err := conn.NewGroup(o); err == nil {
				t.Errorf("NewGroup with %s: no error", name)
			}
		}
	})
}

// stubBreaker refuses with an error that is no gateway error.
type stubBreaker struct{}

func (stubBreaker) State() State             { return Closed }
func (stubBreaker) Acquire() (Permit, error) { return nil, errors.New("stub") }

func TestOddBreakersFailTheCallAndNeverHangIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := newCluster(t, "a").dial(Options{})
		ready(t, conn)
		refusing := newGroup(t, conn, GroupOptions{NewBreaker: func(string, func(ctx context.Context, from, to State)) (Breaker, error) { return stubBreaker{}, nil }})
		broken := newGroup(t, conn, GroupOptions{Name: "broken", NewBreaker: func(address string, _ func(ctx context.Context, from, to State)) (Breaker, error) {
			if address != "" {
				return nil, errors.New("stub")
			}
			return stubBreaker{}, nil
		}})
		for group, want := range map[*Group]codes.Code{refusing: codes.Unavailable, broken: codes.Internal} {
			err := conn.Invoke(newAttempt(t.Context(), group), unaryMethod, new(emptyMessage), new(emptyMessage), grpc.WaitForReady(true))
			if own := apierror.As(err); own == nil || own.Code != want {
				t.Errorf("call = %v, want a gateway error of %v", err, want)
			}
		}
	})
}

func TestConcurrentCallsAndChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, names(5)...)
		conn := c.dial(Options{ConnectionsPerAddress: 2, SlowStart: time.Second, EjectionReturn: time.Second, OnChange: func(Change) {}})
		group := newGroup(t, conn, GroupOptions{OnEjection: func(context.Context, Ejection) { conn.View() }})
		ready(t, conn)
		c.backend("b").fail(codes.Unavailable)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					_, _ = call(t.Context(), conn, group.UnaryClientInterceptor(), SpreadAttempts()) // some meet b
				}
			})
		}
		wg.Go(func() {
			for i := range 50 {
				c.resolver.UpdateState(found(names(3 + i%3)...))
				conn.View()
				time.Sleep(100 * time.Millisecond) // virtual
			}
		})
		wg.Wait()
		synctest.Wait()
		if got := conn.View().InFlight; got != 0 {
			t.Errorf("%d calls in flight after their end", got)
		}
	})
}

// TestClosedGroupIsNotShown holds that a group whose policy is no longer in force
// is out of the connection's view, also where its first call comes later, and that
// it still judges the calls that come through it.
func TestClosedGroupIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, "a")
		conn := c.dial(Options{})
		used, unused := newGroup(t, conn, GroupOptions{Name: "used"}), newGroup(t, conn, GroupOptions{Name: "unused"})
		ready(t, conn)
		c.backend("a").fail(codes.Unavailable)
		spread(t, conn, 9, used.UnaryClientInterceptor())
		if got := conn.View().Addresses[0].Ejections; len(got) != 1 {
			t.Fatalf("before: %v", got)
		}
		used.Close()
		unused.Close()
		spread(t, conn, 9, unused.UnaryClientInterceptor())
		if got := conn.View().Addresses[0].Ejections; len(got) != 0 {
			t.Errorf("closed groups are shown: %v", got)
		}
		if m, err := used.member("a"); err != nil || m.breaker.State() != Open {
			t.Errorf("the closed group forgot: %v", err)
		}
	})
}
