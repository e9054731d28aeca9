package cache

import (
	"context"
	"sync/atomic"
)

// fate is what is known of a request's writes.
type fate struct {
	mayBeDone atomic.Int32 // how many were begun, but for those that were called undone
}

type fateKey struct{}

func fateOf(ctx context.Context) *fate {
	f, _ := ctx.Value(fateKey{}).(*fate)
	return f
}

// Write is a write that an upstream is asked for.
type Write struct{ fate *fate }

// BeginWrite tells the invalidation in whose request ctx is that a write goes to an
// upstream now. It purges when the response begins, be the write still under way,
// failed or given up, unless Undone says that nothing was done. Each attempt of a
// call is a write of its own. Elsewhere it does nothing. See [Options].CallsReported.
func BeginWrite(ctx context.Context) Write {
	f := fateOf(ctx)
	if f != nil {
		f.mayBeDone.Add(1)
	}
	return Write{f}
}

// Undone says, at most once, that the write was not done and will not be: it never
// left, or the upstream has refused it.
func (w Write) Undone() {
	if w.fate != nil {
		w.fate.mayBeDone.Add(-1)
	}
}
