// Package flight lets one request at a time call the upstream for a response that
// several wait for (RFC 9111, section 4: collapsed requests).
package flight

import (
	"context"
	"sync"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
)

// Group has the flights of a store. It has no goroutines, and is safe for
// concurrent use.
type Group struct {
	tags *memory.Generations
	mu   sync.Mutex
	open map[memory.Variant]*Flight // by the fields that responses are known to vary on
}

// Flight is one request to the upstream.
type Flight struct {
	key    memory.Variant
	stamps []memory.Stamp
	begun  time.Time
	done   chan struct{}

	outcome Outcome // written before done is closed

	// guarded by Group.mu
	followers int
	cause     error // why the leader's client has left; nil while it has not
	cancel    context.CancelCauseFunc
}

// Outcome is what a flight has brought.
type Outcome struct {
	// Response is nil where there is nothing that can be shared.
	Response *memory.Response
	// Purged says that there could have been, but for a purge.
	Purged bool
	// Failed is the status in place of which Response, which is stale, is used; 0
	// where it is none's.
	Failed int
}

// NewGroup returns a Group without flights. Stamps are read by tags.
func NewGroup(tags *memory.Generations) *Group {
	return &Group{tags: tags, open: make(map[memory.Variant]*Flight)}
}

// Stamps are those of before the upstream was called.
func (f *Flight) Stamps() []memory.Stamp { return f.stamps }

// Outcome is for those whose Wait has returned nil.
func (f *Flight) Outcome() Outcome { return f.outcome }

// Join returns the flight for k. The caller is its leader, and must land it, if
// none was open, or the one that is took off before oldest, or what it will
// bring was purged since.
func (g *Group) Join(k memory.Variant, stamps []memory.Stamp, oldest time.Time) (f *Flight, leader bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f = g.open[k]; f != nil && !f.begun.Before(oldest) && g.tags.Current(f.stamps) {
		f.followers++
		return f, false
	}
	return g.begin(k, stamps), true
}

// Lead returns a flight that the caller leads and must land, or nil where one is
// open. It goes on though nobody waits.
func (g *Group) Lead(k memory.Variant, stamps []memory.Stamp) *Flight {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f := g.open[k]; f != nil && g.tags.Current(f.stamps) {
		return nil
	}
	return g.begin(k, stamps)
}

func (g *Group) begin(k memory.Variant, stamps []memory.Stamp) *Flight {
	f := &Flight{key: k, stamps: stamps, begun: time.Now(), done: make(chan struct{})}
	g.open[k] = f
	return f
}

// IsOpen reports whether there is a flight for k now.
func (g *Group) IsOpen(k memory.Variant) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open[k] != nil
}

// Open is how many flights there are now.
func (g *Group) Open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.open)
}

// Watch returns the context of the leader's call to the upstream: it has the
// values of the leader's own and ends when neither the leader's client nor a
// follower waits. The leader calls stop when it is done.
func (g *Group) Watch(own context.Context, f *Flight) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(own))
	g.mu.Lock()
	f.cancel = cancel
	g.mu.Unlock()
	unwatch := context.AfterFunc(own, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		f.cause = context.Cause(own)
		g.endIfAlone(f)
	})
	return ctx, func() { unwatch(); cancel(nil) }
}

// Wait returns nil when the flight has landed, or the cause of the follower's own
// context, which ended before.
func (g *Group) Wait(ctx context.Context, f *Flight) error {
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f.followers--
	g.endIfAlone(f)
	return context.Cause(ctx)
}

// endIfAlone cancels a flight that nobody waits for.
func (g *Group) endIfAlone(f *Flight) {
	if f.cause == nil || f.followers > 0 {
		return
	}
	if g.open[f.key] == f {
		delete(g.open, f.key)
	}
	f.cancel(f.cause)
}

// Land ends the flight for its followers. Only the first call counts.
func (g *Group) Land(f *Flight, outcome Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-f.done:
		return
	default:
	}
	if g.open[f.key] == f {
		delete(g.open, f.key)
	}
	f.outcome, f.followers = outcome, 0
	close(f.done)
	g.endIfAlone(f)
}
