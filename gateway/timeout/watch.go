package timeout

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/venta-hq/venta/gateway/deadline"
	"github.com/venta-hq/venta/gateway/internal/clientstream"
)

// watch is a stream under its bounds, and the context of the upstream's part of
// it: the caller's, with the total bound as its deadline.
type watch struct {
	context.Context
	*streamBound
	stream clientstream.Stream
	caller context.Context
	method string
	start  time.Time
	end    time.Time // zero: no total bound, or the caller's deadline is sooner
	cancel context.CancelCauseFunc

	last  atomic.Int64 // when a message passed, in nanoseconds since start
	found atomic.Pointer[passed]

	mu    sync.Mutex
	over  bool
	idle  time.Duration // 0: no bound, or told of already
	timer *time.Timer   // nil: no bound is in force
}

// watch begins to watch a stream.
func (b *streamBound) watch(caller context.Context, method string) *watch {
	w := &watch{Context: caller, streamBound: b, caller: caller, method: method, start: time.Now(), idle: b.policy.Idle}
	if end := w.start.Add(b.policy.Duration); b.policy.Duration > 0 && !endsBy(caller, end) {
		w.end = end
	}
	w.cancel = func(error) {}
	if !b.policy.Shadow {
		w.Context, w.cancel = context.WithCancelCause(caller)
	}
	w.arm(w.start)
	return w
}

// Deadline implements context.Context. No timer of a context stands behind it.
func (w *watch) Deadline() (time.Time, bool) {
	if !w.end.IsZero() {
		return w.end, true
	}
	return w.Context.Deadline()
}

// streamContext is the context to open the stream with.
func (w *watch) streamContext() context.Context {
	if w.policy.Shadow {
		return w.caller
	}
	return w
}

// Sent implements clientstream.Observer.
func (w *watch) Sent() { w.touch() }

// SentAll implements clientstream.Observer. It is no message.
func (w *watch) SentAll() {}

// Received implements clientstream.Observer.
func (w *watch) Received() { w.touch() }

// touch notes that a message has passed. The timer finds out when it fires.
func (w *watch) touch() {
	if w.policy.Idle > 0 {
		w.last.Store(int64(time.Since(w.start)))
	}
}

// arm sets the timer to the next moment at which a bound may pass.
func (w *watch) arm(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.end
	if quiet := w.quietAt(); w.idle > 0 && (next.IsZero() || quiet.Before(next)) {
		next = quiet
	}
	switch {
	case w.over || next.IsZero():
	case w.timer == nil:
		w.timer = time.AfterFunc(next.Sub(now), w.fire)
	default:
		w.timer.Reset(next.Sub(now))
	}
}

// quietAt is when the stream will have been silent for too long.
func (w *watch) quietAt() time.Time { return w.start.Add(time.Duration(w.last.Load()) + w.policy.Idle) }

// fire looks which bound has passed, if any. None does once the caller has left.
func (w *watch) fire() {
	now := time.Now()
	switch {
	case w.Err() != nil:
	case !w.end.IsZero() && !now.Before(w.end):
		w.pass(w.tooLong)
	case w.policy.Idle > 0 && !now.Before(w.quietAt()):
		w.pass(w.tooQuiet)
	default:
		w.arm(now)
	}
}

// pass ends the stream for a bound, unless it has ended already.
func (w *watch) pass(p *passed) {
	if w.policy.Shadow {
		w.tell(p)
		return
	}
	if w.finish(func() { w.found.Store(p) }) {
		defer w.cancel(deadline.ErrPolicy)
		if w.options.OnExceeded != nil {
			w.options.OnExceeded(w.caller, w.method)
		}
	}
}

// tell says what p would have done, and leaves the timer to the other bound.
func (w *watch) tell(p *passed) {
	w.mu.Lock()
	over := w.over
	w.over = over || p == w.tooLong
	w.idle = 0
	w.mu.Unlock()
	if over {
		return
	}
	w.arm(time.Now())
	if w.options.OnShadow != nil {
		w.options.OnShadow(w.caller, p.would)
	}
}

// finish ends the watch and reports whether it was still on; then is run before
// anybody can see the end.
func (w *watch) finish(then func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false
	}
	w.over = true
	then()
	if w.timer != nil {
		w.timer.Stop()
	}
	return true
}

// Ended implements clientstream.Observer. It ends the watch, and the upstream's
// stream where it is still open.
func (w *watch) Ended(clientstream.End) {
	w.finish(func() {})
	w.cancel(nil)
}

// Explain implements clientstream.Observer. It names the bound that has passed as
// the reason of err.
func (w *watch) Explain(err error) error {
	if !cut(err) {
		return err // an end, even if it came in the last moment
	}
	if w.noticedUpstream() {
		w.pass(w.tooLong)
	}
	found := w.found.Load()
	if found == nil {
		return err
	}
	return exceeded(found.reason, found.message, deadline.ErrPolicy, err)
}

// noticedUpstream reports whether it was the upstream, which knows the total
// bound as its deadline, that has cut the stream.
func (w *watch) noticedUpstream() bool {
	return !w.policy.Shadow && !w.end.IsZero() && w.Err() == nil && deadline.Passed(w.end)
}
