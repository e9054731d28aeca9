package upstream

import (
	"context"
	"fmt"
)

// Shutdown waits until no call is in flight, then closes the connections. New
// calls are still served meanwhile, as those in flight may need them: whoever
// sends them must have stopped. A call that still waits for a connection is not in
// flight. When ctx ends first, the calls that are left are cut off and the error
// says how many.
func (c *Conn) Shutdown(ctx context.Context) error {
	c.hub.closing.Store(true)
	for left := c.hub.active.Load(); left > 0; left = c.hub.active.Load() {
		select {
		case <-c.hub.ended:
		case <-ctx.Done():
			return fmt.Errorf("upstream %q: closed with %d calls in flight: %w", c.hub.target, left, closed(ctx, c))
		}
	}
	c.hub.wake() // another Shutdown
	return c.Close()
}

func closed(ctx context.Context, c *Conn) error {
	if err := c.Close(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// Close closes the connections at once; calls in flight fail with CANCELED. When
// it returns, OnChange has been told everything. A second Close is an error.
func (c *Conn) Close() error {
	err := c.ClientConn.Close()
	c.hub.stop()
	if err != nil {
		return fmt.Errorf("upstream %q: %w", c.hub.target, err)
	}
	return nil
}
