package circuitbreaker_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/policy"
)

type change struct{ from, to circuitbreaker.State }

func TestOnTransition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []change
		var b *circuitbreaker.Breaker
		b = newBreaker(t, basePolicy(), circuitbreaker.Options{Name: "vendor", OnTransition: func(_ context.Context, tr circuitbreaker.Transition) {
			if tr.Name != "vendor" || b.State() != tr.To { // the hook may use the breaker
				t.Errorf("told %+v, but the state is %v", tr, b.State())
			}
			got = append(got, change{tr.From, tr.To})
		}})
		trip(t, b)
		time.Sleep(30 * time.Second) // virtual
		call(t, b, success, 0)
		call(t, b, failure, 0)
		time.Sleep(30 * time.Second) // virtual
		call(t, b, success, 0)
		call(t, b, success, 0)
		want := []change{{closed, open}, {open, halfOpen}, {halfOpen, open}, {open, halfOpen}, {halfOpen, closed}}
		if !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
	})
}

// A hook that changes the state itself is told so after it has returned.
func TestHookThatCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.MinimumCalls, p.HalfOpenCalls = 1, 1
		var got []change
		inside := false
		var b *circuitbreaker.Breaker
		b = newBreaker(t, p, circuitbreaker.Options{OnTransition: func(_ context.Context, tr circuitbreaker.Transition) {
			if inside {
				t.Error("the hook was called within itself")
			}
			inside = true
			got = append(got, change{tr.From, tr.To})
			if tr.To == halfOpen {
				acquire(t, b).Done(success)
			}
			inside = false
		}})
		call(t, b, failure, 0)
		time.Sleep(30 * time.Second) // virtual
		call(t, b, success, 0)
		if want := []change{{closed, open}, {open, halfOpen}, {halfOpen, closed}}; !slices.Equal(got, want) {
			t.Errorf("told %v, want %v", got, want)
		}
	})
}

// A hook that blocks holds up one call, no other; what happens meanwhile is
// told afterwards, in order, bounded in number, and up to the last state.
func TestHookThatBlocks(t *testing.T) {
	for outcome, last := range map[circuitbreaker.Outcome]circuitbreaker.State{success: closed, failure: open, ignored: halfOpen} {
		t.Run(last.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := basePolicy()
				p.MinimumCalls, p.HalfOpenCalls = 1, 1
				var got []change
				release := make(chan struct{})
				b := newBreaker(t, p, circuitbreaker.Options{OnTransition: func(_ context.Context, tr circuitbreaker.Transition) {
					<-release
					got = append(got, change{tr.From, tr.To})
				}})
				go call(t, b, failure, 0)
				synctest.Wait()
				for range 1000 {
					time.Sleep(30 * time.Second) // virtual
					call(t, b, failure, 0)
				}
				time.Sleep(30 * time.Second) // virtual
				call(t, b, outcome, 0)
				close(release)
				synctest.Wait()
				if len(got) < 3 || len(got) > 20 {
					t.Errorf("told %d changes", len(got))
				}
				wantChain(t, got, last)
			})
		})
	}
}

// wantChain checks that each change begins where the one before ended.
func wantChain(t *testing.T, got []change, last circuitbreaker.State) {
	t.Helper()
	state := closed
	for i, c := range got {
		if c.from != state || c.to == c.from {
			t.Fatalf("change %d is %v, but the state was %v", i, c, state)
		}
		state = c.to
	}
	if state != last {
		t.Errorf("the last change told leads to %v, want %v", state, last)
	}
}

// A hook that panics or exits neither keeps a slot nor silences the next ones.
func TestHookThatPanics(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("hook") }, "exit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := basePolicy()
				p.MinimumCalls, p.HalfOpenCalls = 1, 1
				var got []change
				b := newBreaker(t, p, circuitbreaker.Options{OnTransition: func(_ context.Context, tr circuitbreaker.Transition) {
					got = append(got, change{tr.From, tr.To})
					if tr.To != closed {
						end()
					}
				}})
				run(t.Context(), b.UnaryClientInterceptor(), responses(attemptBound))
				wantState(t, b, open)
				time.Sleep(30 * time.Second) // virtual
				run(t.Context(), b.UnaryClientInterceptor(), responses(nil))
				wantState(t, b, halfOpen)
				call(t, b, success, 0)
				wantChain(t, got, closed)
				if len(got) != 3 {
					t.Errorf("told %v", got)
				}
			})
		})
	}
}

// Many goroutines at random, on the real clock: the probes stay within their
// bound and the changes in order. The race detector does the rest.
func TestConcurrentUse(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p := basePolicy()
	p.OpenDuration, p.HalfOpenCalls = time.Microsecond, 3
	p.SlowCallDuration, p.SlowCallThresholdPercent = 0, 0
	var changes []change
	var telling atomic.Int32
	b := circuitbreaker.NewOutOfLimits(p, circuitbreaker.Options{OnTransition: func(_ context.Context, tr circuitbreaker.Transition) {
		if telling.Add(1) != 1 {
			t.Error("two changes are told at once")
		}
		changes = append(changes, change{tr.From, tr.To})
		telling.Add(-1)
	}})
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for range 5000 {
				if permit, err := b.Acquire(); err == nil {
					runtime.Gosched()
					permit.Done(circuitbreaker.Outcome(random.IntN(3)))
				}
			}
		})
	}
	wg.Wait()
	if len(changes) < 10 {
		t.Errorf("only %d changes", len(changes))
	}
	state := changes[len(changes)-1].to
	wantChain(t, changes, state)
	if now := b.State(); now != state && (now != halfOpen || state != open) {
		t.Errorf("state %v, but the last change told leads to %v", now, state)
	}
}

func TestConcurrentProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.HalfOpenCalls = 5
		b := newBreaker(t, p, circuitbreaker.Options{})
		trip(t, b)
		time.Sleep(30 * time.Second) // virtual
		var admitted atomic.Int32
		for range 100 {
			go func() {
				permit, err := b.Acquire()
				if err != nil {
					return
				}
				defer permit.Done(success)
				admitted.Add(1)
				time.Sleep(time.Second) // virtual
			}()
		}
		synctest.Wait()
		if got := admitted.Load(); got != 5 {
			t.Errorf("%d probes, want 5", got)
		}
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		wantState(t, b, closed)
	})
}

type callKey struct{}

// TestTransitionIsToldWithItsCall holds that the call which opens the breaker is told,
// with its own context, and no other.
func TestTransitionIsToldWithItsCall(t *testing.T) {
	p := policy.CircuitBreaker{
		ErrorThresholdPercent: 50, Window: time.Second, MinimumCalls: 2, OpenDuration: time.Minute, HalfOpenCalls: 1,
		FailureStatusCodes: []codes.Code{codes.Unavailable},
	}
	var told []string
	b, err := circuitbreaker.New(p, circuitbreaker.Options{OnTransition: func(ctx context.Context, tr circuitbreaker.Transition) {
		told = append(told, fmt.Sprintf("call %v: %s to %s", ctx.Value(callKey{}), tr.From, tr.To))
	}})
	if err != nil {
		t.Fatal(err)
	}
	down := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error {
		return status.Error(codes.Unavailable, "down")
	}
	step := b.UnaryClientInterceptor()
	for i := range 4 {
		ctx := context.WithValue(t.Context(), callKey{}, i)
		if err := step(ctx, "/a.B/C", nil, nil, nil, down); err == nil {
			t.Error("no error")
		}
	}
	if want := []string{"call 1: closed to open"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// TestTransitionByTimeIsNoCalls holds that the call which finds the open time
// over has not brought that about, but that a probe which fails has.
func TestTransitionByTimeIsNoCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := basePolicy()
		p.MinimumCalls, p.HalfOpenCalls = 1, 1
		var told []string
		b := newBreaker(t, p, circuitbreaker.Options{OnTransition: func(ctx context.Context, tr circuitbreaker.Transition) {
			told = append(told, fmt.Sprintf("call %v: %s to %s", ctx.Value(callKey{}), tr.From, tr.To))
		}})
		for i := range 2 {
			run(context.WithValue(t.Context(), callKey{}, i), b.UnaryClientInterceptor(), responses(attemptBound))
			time.Sleep(30 * time.Second) // virtual
		}
		want := []string{"call 0: closed to open", "call <nil>: open to half_open", "call 1: half_open to open"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}
