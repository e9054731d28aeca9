package requestctx_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/venta-hq/venta/gateway/requestctx"
)

// TestWaits counts waits one after the other and, once, those at the same time.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bound = time.Second
		w := requestctx.WaitsOf(newRequest(t).Context())
		wait := func(d time.Duration) {
			w.Begin()
			defer w.End()
			time.Sleep(d) // virtual
		}
		wait(100 * time.Millisecond)
		time.Sleep(time.Minute) // of the upstream's, virtual
		var both sync.WaitGroup
		both.Go(func() { wait(200 * time.Millisecond) })
		both.Go(func() {
			wait(300 * time.Millisecond)
		})
		time.Sleep(250 * time.Millisecond) // virtual
		if got := w.Left(bound); got != 650*time.Millisecond {
			t.Errorf("%v are left while one waits", got)
		}
		both.Wait()
		if got := w.Left(bound); got != 600*time.Millisecond {
			t.Errorf("%v are left", got)
		}
	})
}

// TestWaitsOf covers whose waits count.
func TestWaitsOf(t *testing.T) {
	own := newRequest(t).Context()
	if requestctx.WaitsOf(own) == nil || requestctx.WaitsOf(own) == requestctx.WaitsOf(newRequest(t).Context()) {
		t.Error("a request has no waits of its own")
	}
	if requestctx.WaitsOf(context.WithoutCancel(own)) != requestctx.WaitsOf(own) {
		t.Error("what a request begins has other waits")
	}
	if requestctx.WaitsOf(requestctx.Unhurried(own)) != nil || requestctx.WaitsOf(t.Context()) != nil {
		t.Error("waits of nobody count")
	}
}
