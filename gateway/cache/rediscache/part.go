package rediscache

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errLeft = errors.New("this process has left")

// part takes leave of the fleet, within a bound. A process that leaves purges behind
// that it could not deliver keeps its place: the others serve nothing old until they
// forget it or it comes back under its name.
func (r *Remote) part() {
	ctx, cancel := context.WithTimeout(context.Background(), r.opts.Bound)
	defer cancel()
	if lost := r.flush(ctx); lost > 0 {
		r.tell(EventPurgeLost)
		r.opts.Logger.Error("cache: purges could not be delivered before the end; until this gateway is back or forgotten "+
			"the others serve nothing by tag that is older than the bound",
			"tags", lost, "bound", r.opts.Bound, "forgotten_after", r.opts.ForgetAfter)
		return
	}
	if r.link.Load() == nil {
		return
	}
	close(r.parting)
	select {
	case <-r.parted:
	case <-ctx.Done():
	}
}

// flush waits until nothing is pending, and returns how many tags are when it
// gives up. Who is in contact delivers.
func (r *Remote) flush(ctx context.Context) int {
	look := time.NewTicker(r.interval())
	defer look.Stop()
	for !r.pending.empty() {
		select {
		case <-look.C:
		case <-ctx.Done():
			return r.pending.size()
		}
	}
	return 0
}

// leave takes the own place away, behind the last word of this process: it
// writes no more.
func (r *Remote) leave(ctx context.Context, l *link) error {
	defer close(r.parted)
	b := l.client.B()
	if err := l.client.Do(ctx, b.Zrem().Key(r.keys.members).Member(r.members.own).Build()).Error(); err != nil {
		return fmt.Errorf("leaving: %w", err)
	}
	return errLeft
}
