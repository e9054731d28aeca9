package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/faultproxy"
)

var slowDrip = Scenario{
	Name: "slow-drip", About: "responses come a few bytes at a time: no request hangs, the breaker opens, and closes by itself",
	run: runSlowDrip,
}

func runSlowDrip(ctx context.Context, t *trial) error {
	b, g, err := t.one(ctx)
	if err != nil {
		return err
	}
	p, err := t.strike(ctx, g, 4*time.Second, 3*time.Second, set(b, faultproxy.Fault{BytesPerSecond: 100}), set(b, faultproxy.Fault{}))
	if err != nil {
		return err
	}
	counts, err := b.Counts(ctx)
	if err != nil {
		return err
	}
	t.report("", p, counts.Calls)
	t.judgeHanging(p, counts.Calls)
	return nil
}
