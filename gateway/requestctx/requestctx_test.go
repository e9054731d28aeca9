package requestctx_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"

	"github.com/venta-hq/venta/gateway/requestctx"
)

type (
	first  struct{}
	other  struct{}
	parent struct{}
	number int
)

func newRequest(t *testing.T) *http.Request {
	t.Helper()
	ctx := &requestctx.Context{}
	ctx.Begin(context.WithValue(t.Context(), parent{}, "parent"), first{}, "first", nil)
	return httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)
}

func value(r *http.Request, key any) string {
	text, _ := r.Context().Value(key).(string)
	return text
}

func TestWithCopiesNothing(t *testing.T) {
	r := newRequest(t)
	with := requestctx.With(r, other{}, "other")
	if with != r {
		t.Error("the request is copied")
	}
	for key, want := range map[any]string{first{}: "first", other{}: "other", parent{}: "parent", number(1): ""} {
		if got := value(with, key); got != want {
			t.Errorf("%T: %q, want %q", key, got, want)
		}
	}
}

// TestWithCopies covers what a context that others may have seen must not hold.
func TestWithCopies(t *testing.T) {
	full := newRequest(t)
	for i := range number(3) {
		full = requestctx.With(full, i, "early")
	}
	derived := newRequest(t)
	derived = derived.WithContext(context.WithValue(derived.Context(), parent{}, "nearer"))
	tests := []struct {
		name    string
		request *http.Request
		key     any
	}{
		{"no room", full, other{}},
		{"a value that is there", newRequest(t), first{}},
		{"the parent's value", newRequest(t), parent{}},
		{"a context that is derived", derived, other{}},
		{"another context", httptest.NewRequest(http.MethodGet, "/", nil), other{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := value(test.request, test.key)
			with := requestctx.With(test.request, test.key, "new")
			if got := value(with, test.key); got != "new" {
				t.Errorf("behind it the value is %q", got)
			}
			if got := value(test.request, test.key); with != test.request && got != before {
				t.Errorf("in front of it the value is %q instead of %q", got, before)
			}
		})
	}
}

func TestCancellationPasses(t *testing.T) {
	above, cancel := context.WithCancelCause(t.Context())
	ctx := &requestctx.Context{}
	ctx.Begin(above, first{}, "first", nil)
	below, cancelBelow := context.WithCancel(ctx)
	defer cancelBelow()
	cancel(context.DeadlineExceeded)
	<-below.Done()
	if ctx.Err() == nil || context.Cause(below) != context.DeadlineExceeded {
		t.Errorf("ended by %v, below by %v", ctx.Err(), context.Cause(below))
	}
}

// TestReadersOfAGrowingContext is for the race detector: what a step further out
// has left behind may still look at the context.
func TestReadersOfAGrowingContext(t *testing.T) {
	r := newRequest(t)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for r.Context().Value(number(2)) == nil {
				if value(r, first{}) != "first" {
					t.Error("a value is lost")
				}
				runtime.Gosched()
			}
		})
	}
	for i := range number(3) {
		if requestctx.With(r, i, "there") != r {
			t.Fatal("the request is copied")
		}
	}
	readers.Wait()
}

func TestWithAllocatesNothing(t *testing.T) {
	base := httptest.NewRequest(http.MethodGet, "/", nil)
	var own struct{ ctx requestctx.Context }
	own.ctx.Begin(t.Context(), first{}, &own, nil)
	r := base.WithContext(&own.ctx)
	if n := testing.AllocsPerRun(100, func() {
		own.ctx.Begin(t.Context(), first{}, &own, nil)
		requestctx.With(r, other{}, &own)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
