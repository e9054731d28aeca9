package requestctx

import (
	"context"
	"sync"
	"time"
)

// Waits is how long a request has waited for what it can do without, so that many
// waits together have a bound. Waits at the same time count once.
type Waits struct {
	mu    sync.Mutex
	done  time.Duration
	under int       // waits now
	since time.Time // when the first of them began
}

// Left returns what is left of a bound.
func (w *Waits) Left(of time.Duration) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := of - w.done
	if w.under > 0 {
		left -= time.Since(w.since)
	}
	return left
}

// Begin begins a wait, and End ends it.
func (w *Waits) Begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under++; w.under == 1 {
		w.since = time.Now()
	}
}

// End ends what Begin began.
func (w *Waits) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.under--; w.under == 0 {
		w.done += time.Since(w.since)
	}
}

type waitsKey struct{}

// WaitsOf returns the waits of the request that ctx is of, or nil outside of one.
func WaitsOf(ctx context.Context) *Waits {
	w, _ := ctx.Value(waitsKey{}).(*Waits)
	return w
}

// Unhurried returns a context of what no client waits for, or waits for anyhow: its
// waits do not count, and its calls are not the request's.
func Unhurried(ctx context.Context) context.Context {
	return unhurried{ctx}
}

type unhurried struct{ context.Context }

// Value implements context.Context.
func (u unhurried) Value(key any) any {
	switch key {
	case waitsKey{}:
		return (*Waits)(nil)
	case callsKey{}:
		return nil
	}
	return u.Context.Value(key)
}
