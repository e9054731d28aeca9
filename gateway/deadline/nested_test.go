package deadline_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/deadline"
)

// TestBoundInABound holds a bound inside another, as that of an attempt is
// inside that of its call, to every way that either can end, whoever waits first.
func TestBoundInABound(t *testing.T) {
	type scopes struct {
		cancelCaller context.CancelCauseFunc
		outer, inner *deadline.Scope
	}
	left := errors.New("left")
	ends := []struct {
		name  string
		after func(scopes)
		err   error // of the inner one
		cause error
	}{
		{"runs", func(scopes) {}, nil, nil},
		{"the inner bound", func(scopes) { time.Sleep(time.Second) }, context.DeadlineExceeded, deadline.ErrPolicy},
		{"both bounds", func(scopes) { time.Sleep(time.Hour) }, context.DeadlineExceeded, deadline.ErrPolicy},
		{"the caller", func(s scopes) { s.cancelCaller(left) }, context.Canceled, left},
		{"the outer release", func(s scopes) { s.outer.Release() }, context.Canceled, context.Canceled},
		{"the inner release", func(s scopes) { s.inner.Release() }, context.Canceled, context.Canceled},
		{"both releases", func(s scopes) { s.outer.Release(); s.inner.Release(); s.outer.Release() }, context.Canceled, context.Canceled},
	}
	waits := map[string]func(s scopes){
		"nobody":          func(scopes) {},
		"on the inner":    func(s scopes) { _ = s.inner.Done() },
		"on the outer":    func(s scopes) { _ = s.outer.Done() },
		"the outer first": func(s scopes) { _, _ = s.outer.Done(), s.inner.Done() },
		"the inner first": func(s scopes) { _, _ = s.inner.Done(), s.outer.Done() },
	}
	for _, end := range ends {
		for name, wait := range waits {
			t.Run(end.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					caller, cancel := context.WithCancelCause(context.WithValue(t.Context(), valueKey{}, "value"))
					defer cancel(nil)
					outer := deadline.NewBound(caller, time.Minute)
					defer outer.Release()
					inner := deadline.NewBound(outer, time.Second)
					defer inner.Release()
					s := scopes{cancel, outer, inner}
					wait(s)
					end.after(s)
					synctest.Wait()
					child, cancelChild := context.WithCancel(inner)
					defer cancelChild()
					for which, ctx := range map[string]context.Context{"inner": inner, "child": child} {
						if ctx.Err() != end.err || !errors.Is(context.Cause(ctx), end.cause) || ctx.Value(valueKey{}) != "value" {
							t.Errorf("%s: error %v, cause %v, value %v", which, ctx.Err(), context.Cause(ctx), ctx.Value(valueKey{}))
						}
					}
				})
			})
		}
	}
}

// TestOuterBoundStaysItself covers what the outer scope is after an inner one
// has taken its caller: attempts come and go, the bound of the call stays.
func TestOuterBoundStaysItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer := deadline.NewBound(t.Context(), 10*time.Second)
		defer outer.Release()
		for range 3 {
			inner := deadline.NewBound(outer, time.Second)
			<-inner.Done()
			inner.Release()
			if outer.Err() != nil {
				t.Fatalf("the outer bound ended with an inner one: %v", outer.Err())
			}
		}
		last := deadline.NewBound(outer, time.Minute) // without a bound of its own
		defer last.Release()
		<-last.Done()
		if outer.Err() != context.DeadlineExceeded || context.Cause(last) != deadline.ErrPolicy || last.Bounds() {
			t.Errorf("outer %v, last by %v", outer.Err(), context.Cause(last))
		}
	})
}

// TestNestedBoundsInManyHands is for the race detector, and for locks that
// would wait for each other.
func TestNestedBoundsInManyHands(t *testing.T) {
	for range 200 {
		outer := deadline.NewBound(t.Context(), time.Hour)
		inner, other := deadline.NewBound(outer, time.Minute), deadline.NewBound(outer, time.Second)
		var hands sync.WaitGroup
		for _, use := range []func(){
			func() { <-inner.Done() },
			func() { <-other.Done() },
			func() { <-outer.Done() },
			func() { ctx, cancel := context.WithCancel(inner); <-ctx.Done(); cancel() },
			func() { _ = context.Cause(inner) },
			outer.Release,
			other.Release,
		} {
			hands.Go(use)
		}
		hands.Wait()
		if inner.Err() != context.Canceled || other.Err() != context.Canceled {
			t.Fatal(inner.Err(), other.Err())
		}
		inner.Release()
	}
}

// TestInnerBoundSparesTheOuterOnesTimer compares with a bound that stands alone.
func TestInnerBoundSparesTheOuterOnesTimer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	alone := testing.AllocsPerRun(100, func() {
		bound := deadline.NewBound(ctx, time.Hour)
		_ = bound.Done()
		bound.Release()
	})
	nested := testing.AllocsPerRun(100, func() {
		outer := deadline.NewBound(ctx, 2*time.Hour)
		inner := deadline.NewBound(outer, time.Hour)
		_ = inner.Done()
		inner.Release()
		outer.Release()
	})
	if nested > alone+1 {
		t.Errorf("%v allocations in a bound, %v alone", nested, alone)
	}
}
