package redis

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// call is one use of [Do]. Who waits and who calls agree by counted on who
// tells the guard how it went.
type call[T any] struct {
	client   *Client
	guard    *guard
	hurried  bool // the request has less time than the node
	begun    time.Time
	counted  atomic.Bool
	done     chan struct{} // closed once what follows is set
	value    T
	err      error
	panicked any
}

var errExited = errors.New("the call's goroutine was ended")

// run makes the call. It holds the call's places until the node has replied.
func (c *call[T]) run(ctx context.Context, r rueidis.Client, fn func(context.Context, rueidis.Client) (T, error)) {
	defer c.client.work.Done()
	defer close(c.done)
	defer c.guard.leave()
	defer func() { c.panicked = recover() }()
	c.err = errExited // unless fn returns
	c.value, c.err = fn(ctx, r)
	if c.counted.CompareAndSwap(false, true) {
		c.judge()
	}
}

// wait returns the reply if it comes before it is late.
func (c *call[T]) wait(ctx context.Context, late <-chan time.Time) (T, error) {
	var none T
	select {
	case <-c.done:
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case <-late:
		if c.hurried {
			c.client.counters.hurried.Add(1)
			return none, &unavailable{errSpent} // run tells the guard, if the reply is late for the node, too
		}
		if c.counted.CompareAndSwap(false, true) {
			return none, c.client.late(c.guard)
		}
		<-c.done // the reply came at the same moment
	}
	if c.panicked != nil {
		panic(c.panicked)
	}
	return c.value, c.err
}

// judge tells the guard of the reply, and wraps what tells of the node's
// trouble. A reply that comes after its time, to nobody, is a failure too.
func (c *call[T]) judge() {
	late := time.Since(c.begun) > c.client.opts.Timeout
	switch {
	case errors.Is(c.err, rueidis.ErrClosing) && c.client.isClosed():
		c.err = &unavailable{ErrClosed}
	case failed(c.err):
		c.client.fail(c.guard, c.err)
		c.err = &unavailable{c.err}
	case late:
		c.client.fail(c.guard, errTimeout)
	default:
		c.guard.succeed()
	}
}
