package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/faultproxy"
	"github.com/venta-hq/venta/chaos/internal/load"
)

var blackHole = Scenario{
	Name: "black-hole", About: "the upstream accepts and never responds: no request hangs, the breaker opens, and closes by itself",
	run: runBlackHole,
}

func runBlackHole(ctx context.Context, t *trial) error {
	b, g, err := t.one(ctx)
	if err != nil {
		return err
	}
	p, err := t.strike(ctx, g, 4*time.Second, 3*time.Second, set(b, faultproxy.Fault{BlackHole: true}), set(b, faultproxy.Fault{}))
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

// judgeHanging judges an upstream that did not respond for a while.
func (t *trial) judgeHanging(p parts, attempts int64) {
	t.none(p.before, "no request fails before")
	t.responded(p.all)
	t.opened(p.during)
	t.withinBudget(attempts, p.all)
	t.none(p.after, "no request fails afterwards")
}

// The reasons that scenarios look for.
const (
	circuitOpen         = "CIRCUIT_OPEN"
	overloaded          = "OVERLOADED"
	upstreamUnavailable = "UPSTREAM_UNAVAILABLE"
)

// because returns the requests that were refused for a reason.
func because(seen load.Seen, reason string) load.Seen {
	return seen.Where(func(s load.Sample) bool { return s.Reason == reason })
}

func (t *trial) opened(seen load.Seen) {
	refused := because(seen, circuitOpen).Count()
	t.check(refused > 0, "the breaker opens", "%d of %d requests were refused at once", refused, seen.Count())
}
