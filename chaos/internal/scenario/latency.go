package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/faultproxy"
)

var latency = Scenario{
	Name: "latency", About: "the network gets slow and uneven: slower responses, no failures, no storm of retries",
	run: runLatency,
}

func runLatency(ctx context.Context, t *trial) error {
	slow := faultproxy.Fault{Latency: 100 * time.Millisecond, Jitter: 100 * time.Millisecond}
	backend, g, err := t.one(ctx)
	if err != nil {
		return err
	}
	p, err := t.strike(ctx, g, 3*time.Second, time.Second, set(backend, slow), set(backend, faultproxy.Fault{}))
	if err != nil {
		return err
	}
	counts, err := backend.Counts(ctx)
	if err != nil {
		return err
	}
	t.report("", p, counts.Calls)
	t.none(p.all, "no request fails")
	t.withinBudget(counts.Calls, p.all)
	// Compared with each other and with the fault, not with a clock of the machine.
	t.check(p.during.Quantile(0.5) >= slow.Latency, "the fault strikes", "p50 %s during", p.during.Quantile(0.5))
	t.check(p.after.Quantile(0.5) < p.during.Quantile(0.5), "responses are fast again afterwards",
		"p50 %s after, %s during", p.after.Quantile(0.5), p.during.Quantile(0.5))
	return nil
}
