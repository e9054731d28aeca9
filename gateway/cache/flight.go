package cache

import (
	"context"
	"sync"
	"time"
)

// flights lets one request at a time ask the upstream for an answer that
// several wait for.
type flights struct {
	mu   sync.Mutex
	open map[flightKey]*flight
}

// flightKey holds the header fields too that answers are known to vary on.
type flightKey struct {
	key  key
	vary string
}

// flight is one request to the upstream. All but done is guarded by flights.mu
// until done is closed; answer, purged and failed may be read after that.
type flight struct {
	key    flightKey
	stamps []stamp
	begun  time.Time
	done   chan struct{}

	answer *variant // nil: nothing that can be shared
	purged bool     // it could have been, but for a purge
	failed int      // the status for which a stale answer stands in; 0: none

	followers int
	cause     error // why the leader's client has left; nil while it has not
	cancel    context.CancelCauseFunc
}

// join returns the flight for k. The caller is its leader, and must land it, if
// none was open, or the one that is took off before oldest, or what it will
// bring was purged since.
func (fs *flights) join(k flightKey, tags *generations, stamps []stamp, oldest time.Time) (f *flight, leader bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f = fs.open[k]; f != nil && !f.begun.Before(oldest) && tags.current(f.stamps) {
		f.followers++
		return f, false
	}
	f = &flight{key: k, stamps: stamps, begun: time.Now(), done: make(chan struct{})}
	fs.open[k] = f
	return f, true
}

// lead returns a flight that the caller leads and must land, or nil where one is
// open. It goes on though nobody waits.
func (fs *flights) lead(k flightKey, tags *generations, stamps []stamp) *flight {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.open[k]; f != nil && tags.current(f.stamps) {
		return nil
	}
	f := &flight{key: k, stamps: stamps, begun: time.Now(), done: make(chan struct{})}
	fs.open[k] = f
	return f
}

// isOpen reports whether somebody asks for the answer now.
func (fs *flights) isOpen(k flightKey) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.open[k] != nil
}

// watch returns the context that the leader asks the upstream in: it has the
// values of the leader's own and ends when neither the leader's client nor a
// follower waits. The leader calls stop when it is done.
func (fs *flights) watch(own context.Context, f *flight) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(own))
	fs.mu.Lock()
	f.cancel = cancel
	fs.mu.Unlock()
	unwatch := context.AfterFunc(own, func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		f.cause = context.Cause(own)
		fs.endIfAlone(f)
	})
	return ctx, func() { unwatch(); cancel(nil) }
}

// wait returns when the flight has landed, or with the follower's own context.
func (fs *flights) wait(ctx context.Context, f *flight) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f.followers--
	fs.endIfAlone(f)
	return context.Cause(ctx)
}

// endIfAlone cancels a flight that nobody waits for.
func (fs *flights) endIfAlone(f *flight) {
	if f.cause == nil || f.followers > 0 {
		return
	}
	if fs.open[f.key] == f {
		delete(fs.open, f.key)
	}
	f.cancel(f.cause)
}

// land ends the flight for its followers. Only the first call counts.
func (fs *flights) land(f *flight, answer *variant, purged bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	select {
	case <-f.done:
		return
	default:
	}
	if fs.open[f.key] == f {
		delete(fs.open, f.key)
	}
	f.answer, f.purged, f.followers = answer, purged, 0
	close(f.done)
	fs.endIfAlone(f)
}
