package redis

import (
	"context"
	"sync/atomic"
	"time"
)

// failuresToGiveUp is how many calls in a row fail before a node is given up.
const failuresToGiveUp = 5

// guard is the circuit breaker of one node. It bounds what is under way and
// opens after some failures in a row; only a probe closes it.
type guard struct {
	node     string
	places   chan struct{} // one is taken by each call in flight
	failures atomic.Int64  // in a row
	open     atomic.Bool
	probing  atomic.Bool
	// refusalTold: that the node is there and refuses was told since it was given up.
	refusalTold atomic.Bool
}

func newGuard(node string, places int) *guard {
	return &guard{node: node, places: make(chan struct{}, places)}
}

// enter takes a place for a call, and waits for one until it is late. The node
// may have been given up meanwhile.
func (g *guard) enter(ctx context.Context, late <-chan time.Time) error {
	select {
	case g.places <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-late:
		return errTimeout
	}
	if g.open.Load() {
		g.leave()
		return errGivenUp
	}
	return nil
}

func (g *guard) leave() { <-g.places }

// fail counts a failure and reports whether it is one too many.
func (g *guard) fail() bool {
	return g.failures.Add(1) >= failuresToGiveUp && !g.open.Load()
}

// giveUp opens the guard and reports whether it was closed.
func (g *guard) giveUp(why error) bool {
	if !g.open.CompareAndSwap(false, true) {
		return false
	}
	g.refusalTold.Store(isFault(why))
	return true
}

// isNews reports whether an open guard's node refuses, which nobody was told of
// yet.
func (g *guard) isNews(err error) bool {
	return g.open.Load() && isFault(err) && g.refusalTold.CompareAndSwap(false, true)
}

// succeed forgets earlier failures. It does not close the guard.
func (g *guard) succeed() {
	if g.failures.Load() != 0 {
		g.failures.Store(0)
	}
}

// recovered closes the guard and reports whether it was open.
func (g *guard) recovered() bool {
	g.failures.Store(0)
	return g.open.CompareAndSwap(true, false)
}
