package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var resets = Scenario{
	Name: "resets", About: "connections to the upstream are reset several times a second: retries hide it from readers",
	run: runResets,
}

// between is the time between two resets.
const between = 300 * time.Millisecond

func runResets(ctx context.Context, t *trial) error {
	b, g, err := t.one(ctx)
	if err != nil {
		return err
	}
	// With some time to respond, there are calls under way for a reset to hit.
	if err := b.Play(ctx, backend.Script{Latency: 20 * time.Millisecond}); err != nil {
		return err
	}
	run := t.Load(ctx, g.Base(), rate, t.span(8*time.Second), readsAndWrites)
	count := 0
	for at := between; at < t.span(7*time.Second); at += between {
		if err := stage.Until(ctx, run, at); err != nil {
			return err
		}
		b.Reset()
		count++
	}
	seen := run.Wait()
	counts, err := b.Counts(ctx)
	if err != nil {
		return err
	}
	t.judgeResets(seen, counts, count)
	return nil
}

func (t *trial) judgeResets(seen load.Seen, counts backend.Counts, resets int) {
	t.saw("reads", seen.Named(read), uncounted)
	t.saw("writes", seen.Named(write), uncounted)
	t.saw("all", seen, counts.Calls)
	t.none(seen.Named(read), "no read fails")
	t.responded(seen)
	t.withinBudget(counts.Calls, seen)
	t.check(counts.Connections > int64(resets)/2, "the fault strikes", "%d resets, %d connections made", resets, counts.Connections)
	t.notef("a write under way at a reset fails: whether it happened is unknown, so it is not repeated")
}
