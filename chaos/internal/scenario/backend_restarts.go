package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var backendRestarts = Scenario{
	Name: "backend-restarts", About: "each backend of three is killed and started again: no read fails",
	run: runBackendRestarts,
}

func runBackendRestarts(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 3)
	if err != nil {
		return err
	}
	g, err := t.Gateway(ctx, stage.Config{Vendor: stage.Direct(backends...), Connection: connection, Overrides: policies()})
	if err != nil {
		return err
	}
	run := t.Load(ctx, g.Base(), rate, t.span(10*time.Second), reads)
	for i, b := range backends {
		// With some time to respond, there are calls under way for a kill to hit.
		if err := b.Play(ctx, backend.Script{Latency: 20 * time.Millisecond}); err != nil {
			return err
		}
		killed, err := t.then(ctx, run, t.span(time.Duration(1+3*i)*time.Second), func() error { return b.Kill(ctx) })
		if err != nil {
			return err
		}
		if _, err := t.then(ctx, run, killed+t.span(time.Second), func() error { return b.Start(ctx) }); err != nil {
			return err
		}
	}
	seen := run.Wait()
	attempts, err := stage.Attempts(ctx, backends...)
	if err != nil {
		return err
	}
	t.saw("all", seen, attempts)
	t.none(seen, "no read fails")
	t.withinBudget(attempts, seen)
	return nil
}
