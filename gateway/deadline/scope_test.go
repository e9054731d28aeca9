package deadline_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/deadline"
)

// TestBoundIsAContext compares a bound with what package context makes, whether
// somebody waits for its end from the start or asks only then.
func TestBoundIsAContext(t *testing.T) {
	type end struct {
		name  string
		after func(cancelCaller, release func())
		err   error
		cause error
	}
	left := errors.New("left")
	ends := []end{
		{"runs", func(_, _ func()) {}, nil, nil},
		{"the bound", func(_, _ func()) { time.Sleep(time.Second) }, context.DeadlineExceeded, deadline.ErrPolicy},
		{"the caller", func(cancel, _ func()) { cancel() }, context.Canceled, left},
		{"the caller before the bound", func(cancel, _ func()) { cancel(); time.Sleep(time.Second) }, context.Canceled, left},
		{"its release", func(_, release func()) { release() }, context.Canceled, context.Canceled},
		{"its release before the bound", func(_, release func()) { release(); time.Sleep(time.Second); release() }, context.Canceled, context.Canceled},
	}
	for _, end := range ends {
		for _, waits := range []string{"nobody", "a goroutine", "a child"} {
			t.Run(end.name+"/"+waits, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					caller, cancel := context.WithCancelCause(context.WithValue(t.Context(), valueKey{}, "value"))
					defer cancel(nil)
					bound := deadline.NewBound(caller, time.Second)
					defer bound.Release()
					var ctx context.Context = bound
					if waits == "a goroutine" {
						_ = bound.Done()
					}
					if waits == "a child" {
						child, cancel := context.WithCancel(bound)
						defer cancel()
						ctx = child
					}
					end.after(func() { cancel(left) }, bound.Release)
					synctest.Wait()
					if ctx.Err() != end.err || !errors.Is(context.Cause(ctx), end.cause) {
						t.Errorf("error %v, cause %v", ctx.Err(), context.Cause(ctx))
					}
					select {
					case <-ctx.Done():
						if end.err == nil {
							t.Error("Done is closed")
						}
					default:
						if end.err != nil {
							t.Error("Done is open")
						}
					}
					if ctx.Value(valueKey{}) != "value" {
						t.Error("the caller's values are lost")
					}
				})
			})
		}
	}
}

type valueKey struct{}

// TestBoundNamesTheDeadline holds that the sooner deadline is the one that
// travels upstream, and whose it is.
func TestBoundNamesTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		outer := deadline.NewBound(t.Context(), time.Second)
		defer outer.Release()
		caller, cancel := context.WithTimeout(outer, 500*time.Millisecond) // inside the policy's
		defer cancel()
		inner := deadline.NewBound(caller, time.Minute)
		defer inner.Release()
		if end, ok := inner.Deadline(); !ok || end.Sub(start) != 500*time.Millisecond || inner.Bounds() || !outer.Bounds() {
			t.Errorf("deadline %v %v, bounds %v", end, ok, inner.Bounds())
		}
		time.Sleep(480 * time.Millisecond)
		if !deadline.EndedByCaller(inner, codes.DeadlineExceeded) {
			t.Error("the sooner deadline is the caller's, although a policy's is outside it")
		}
	})
}

// TestScopeWithoutBound is the context of a hedged call's attempts.
func TestScopeWithoutBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer := deadline.NewBound(t.Context(), time.Second)
		defer outer.Release()
		var scope deadline.Scope
		scope.Open(outer)
		if scope.Err() != nil || deadline.EndedByCaller(&scope, codes.DeadlineExceeded) {
			t.Error("a new scope has ended")
		}
		time.Sleep(time.Second)
		if scope.Err() != context.DeadlineExceeded || deadline.EndedByCaller(&scope, codes.DeadlineExceeded) {
			t.Errorf("%v: the policy around it ended it", scope.Err())
		}
		scope.Release()
		if context.Cause(&scope) != deadline.ErrPolicy {
			t.Errorf("cause %v", context.Cause(&scope))
		}
	})
}

// TestBoundInManyHands is for the race detector.
func TestBoundInManyHands(t *testing.T) {
	for range 200 {
		bound := deadline.NewBound(t.Context(), time.Hour)
		var hands sync.WaitGroup
		for _, use := range []func(){
			func() { <-bound.Done() },
			func() { _ = bound.Err() },
			func() { _ = bound.Value(valueKey{}) },
			func() { _ = context.Cause(bound) },
			func() { ctx, cancel := context.WithCancel(bound); <-ctx.Done(); cancel() },
			bound.Release,
		} {
			hands.Go(use)
		}
		hands.Wait()
		if bound.Err() != context.Canceled {
			t.Fatal(bound.Err())
		}
	}
}

func TestBoundIsOneAllocation(t *testing.T) {
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		bound := deadline.NewBound(ctx, time.Hour)
		defer bound.Release()
		if bound.Err() != nil {
			t.Error("ended")
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
