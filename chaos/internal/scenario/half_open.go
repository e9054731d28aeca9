package scenario

import (
	"context"
	"time"
)

var halfOpen = Scenario{
	Name: "half-open", About: "established connections die without a word: keep-alive finds out, and a new connection serves",
	run: runHalfOpen,
}

// noticed is how long the gateway may take to leave a dead connection: the
// keep-alive's time and timeout of [connection], the breaker's open time, and
// some seconds for a busy machine.
const noticed = 16 * time.Second

func runHalfOpen(ctx context.Context, t *trial) error {
	b, g, err := t.one(ctx)
	if err != nil {
		return err
	}
	// Not stretched: the keep-alive takes its time.
	const before, after = 2 * time.Second, 3 * time.Second
	run := t.Load(ctx, g.Base(), rate/2, before+noticed+after, reads)
	struck, err := t.then(ctx, run, before, func() error { b.HalfOpen(); return nil })
	if err != nil {
		return err
	}
	seen := run.Wait()
	counts, err := b.Counts(ctx)
	if err != nil {
		return err
	}
	t.saw("before", seen.Between(0, before-underWay), uncounted)
	t.saw("while it lasts", seen.Between(struck, struck+noticed), uncounted)
	t.saw("after", seen.After(struck+noticed), uncounted)
	t.saw("all", seen, counts.Calls)
	t.responded(seen)
	t.opened(seen)
	t.none(seen.After(struck+noticed), "no request fails once keep-alive had time to notice")
	t.notef("the last failure came %s after the fault", seen.Failed().Last()-struck)
	return nil
}
