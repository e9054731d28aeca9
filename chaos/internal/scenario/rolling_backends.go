package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var rollingBackends = Scenario{
	Name: "rolling-backends", About: "each backend of three restarts in order (SIGTERM): no request fails, writes included",
	Short: true, run: runRollingBackends,
}

func runRollingBackends(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 3)
	if err != nil {
		return err
	}
	g, err := t.Gateway(ctx, stage.Config{Vendor: stage.Direct(backends...), Connection: connection, Overrides: policies()})
	if err != nil {
		return err
	}
	run := t.Load(ctx, g.Base(), rate, limit, readsAndWrites)
	for _, b := range backends {
		if err := t.rollBackend(ctx, b); err != nil {
			return err
		}
	}
	seen := run.Stop()
	attempts, err := stage.Attempts(ctx, backends...)
	if err != nil {
		return err
	}
	t.saw("reads", seen.Named(read), uncounted)
	t.saw("writes", seen.Named(write), uncounted)
	t.saw("all", seen, attempts)
	t.none(seen, "no request fails")
	return nil
}

// rollBackend restarts a backend under calls, and waits until it has calls again.
func (t *trial) rollBackend(ctx context.Context, b *stage.Backend) error {
	// With some time to respond, there are calls under way at each moment.
	if err := b.Play(ctx, backend.Script{Latency: 30 * time.Millisecond}); err != nil {
		return err
	}
	if err := stage.Sleep(ctx, t.span(time.Second)); err != nil {
		return err
	}
	err := b.Stop(ctx)
	t.check(err == nil, "a backend drains", "%v", errorOr(err, "it did"))
	if err := b.Start(ctx); err != nil {
		return err
	}
	before, err := b.Counts(ctx)
	if err != nil {
		return err
	}
	return stage.Eventually(ctx, noticing, "the backend has calls again", func() (bool, error) {
		now, err := b.Counts(ctx)
		return now.Calls > before.Calls, err
	})
}
