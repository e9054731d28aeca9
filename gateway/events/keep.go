package events

import (
	"context"
	"time"
)

const (
	// heartbeat is how often a server says that there is nothing: two that are
	// missing end the wait for more.
	heartbeat = 5 * time.Second
	// pullTime is how long one request for messages stays open.
	pullTime = 30 * time.Second
	// deaf and deafest bound the wait before the log is asked again.
	deaf    = 500 * time.Millisecond
	deafest = 15 * time.Second
)

// keep follows the log whenever it is connected. follow ends with its context, or
// because something went wrong.
func (c *Conn) keep(ctx context.Context, stream string, follow func(context.Context) error) {
	wait := deaf
	for {
		while, cancel, err := c.await(ctx)
		if err != nil {
			return
		}
		began := time.Now()
		err = follow(while)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > deafest {
			wait = deaf
		}
		c.logger.Warn("events are not heard for now", "stream", stream, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		wait = min(2*wait, deafest)
	}
}
