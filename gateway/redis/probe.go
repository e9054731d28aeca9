package redis

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// probeTTL is how long the value that a probe writes stays.
const probeTTL = 10 * time.Second

// run connects, then looks after the nodes that were given up, until ctx ends.
// It tells first how the first attempt ended.
func (c *Client) run(ctx context.Context, first chan<- error) {
	first <- c.reconnect(ctx)
	ticker := time.NewTicker(c.opts.ProbeInterval)
	defer ticker.Stop()
	refreshed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if c.conn.Load() == nil {
				_ = c.reconnect(ctx) // the next tick tries again
			} else if c.probe() || now.Sub(refreshed) > refreshInterval {
				refreshed = now
				c.refresh(ctx)
			}
		}
	}
}

// reconnect makes the first connection. Until then the node counts as given up.
// That it refuses, once it is there, is told as well.
func (c *Client) reconnect(ctx context.Context) error {
	rest := c.topology.Load().rest
	err := c.connect(ctx)
	if err == nil {
		c.changes.apply(Change{Available: true}, rest.recovered)
		return nil
	}
	c.changes.apply(Change{Err: err}, func() bool { return rest.giveUp(err) || rest.isNews(err) })
	return err
}

// connect makes the first connection and writes through it once.
func (c *Client) connect(ctx context.Context) error {
	r, err := c.dial()
	if err != nil {
		return err
	}
	if err := c.writeOnce(ctx, r); err != nil {
		r.Close()
		return err
	}
	return c.adopt(ctx, r)
}

// writeOnce finds out at once whether commands will be refused.
func (c *Client) writeOnce(ctx context.Context, r rueidis.Client) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.DialTimeout)
	defer cancel()
	return write(ctx, r, c.opts.KeyPrefix+probeName)
}

// write asks the node that serves key whether it takes writes, and any node
// whether it is there if key is "".
func write(ctx context.Context, r rueidis.Client, key string) error {
	if key == "" {
		return r.Do(ctx, r.B().Ping().Build()).Error()
	}
	return r.Do(ctx, r.B().Set().Key(key).Value("").Px(probeTTL).Build()).Error()
}

// adopt makes a connection the client's, unless that was closed meanwhile.
func (c *Client) adopt(ctx context.Context, r rueidis.Client) error {
	c.mu.RLock()
	if c.closed {
		c.mu.RUnlock()
		r.Close()
		return ErrClosed
	}
	c.conn.Store(&r)
	c.mu.RUnlock()
	c.refresh(ctx)
	return nil
}

// refresh learns which node serves which slot. Without a reply all stays.
func (c *Client) refresh(ctx context.Context) {
	if !c.opts.Cluster {
		return
	}
	ranges, err := askSlots(ctx, *c.conn.Load(), c.opts.DialTimeout)
	if err == nil && len(ranges) > 0 {
		c.topology.Store(c.topology.Load().with(ranges, c.opts.KeyPrefix))
	}
}

// probe looks at every node that was given up and reports whether there is one.
// A node that still owes the reply to an earlier probe gets no other.
func (c *Client) probe() bool {
	t := c.topology.Load()
	found := false
	for g, key := range t.probes {
		if !g.open.Load() {
			continue
		}
		found = true
		if g.probing.CompareAndSwap(false, true) {
			c.work.Go(func() { c.probeNode(g, key) })
		}
	}
	return found
}

// probeNode closes a guard if its node replies in time, and tells of a node that
// is there and refuses.
func (c *Client) probeNode(g *guard, key string) {
	defer g.probing.Store(false)
	c.counters.probes.Add(1)
	begun := time.Now()
	err := write(context.Background(), *c.conn.Load(), key)
	switch {
	case failed(err):
		c.changes.apply(Change{Node: g.node, Err: err}, func() bool { return g.isNews(err) })
	case time.Since(begun) <= c.opts.Timeout:
		c.changes.apply(Change{Node: g.node, Available: true}, g.recovered)
	}
}

// fail counts a failure of a node and gives it up if that was one too many.
func (c *Client) fail(g *guard, err error) {
	c.counters.failures.Add(1)
	if g.fail() {
		c.changes.apply(Change{Node: g.node, Err: err}, func() bool { return g.giveUp(err) })
	}
}
