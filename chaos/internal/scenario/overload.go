package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var overload = Scenario{
	Name: "overload", About: "four times what the upstream can do: goodput stays, and critical calls go before sheddable ones",
	run: runOverload,
}

// The upstream serves workers calls at once, each in service: its capacity is
// exact.
const (
	workers  = 8
	service  = 80 * time.Millisecond
	capacity = float64(workers) / (float64(service) / float64(time.Second)) // a second
)

func runOverload(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return err
	}
	g, err := t.Gateway(ctx, stage.Config{Vendor: stage.Target(backends...), Overrides: append(policies(), shedding()...)})
	if err != nil {
		return err
	}
	if err := backends[0].Play(ctx, backend.Script{Workers: workers, Latency: service}); err != nil {
		return err
	}
	peak := t.Load(ctx, g.Base(), capacity, t.span(6*time.Second), criticalAndNot).Wait()
	over := t.Load(ctx, g.Base(), 4*capacity, t.span(10*time.Second), criticalAndNot).Wait()
	counts, err := backends[0].Counts(ctx)
	if err != nil {
		return err
	}
	t.judgeOverload(peak, over)
	t.notef("the upstream's capacity is %.1f calls a second; it had at most %d calls at once for %d workers", capacity, counts.MaxInFlight, workers)
	return nil
}

// shedding lets the gateway find the upstream's capacity. The RPCs share it.
func shedding() []stage.Override {
	const bound = `{concurrency: {max_in_flight: 200, adaptive: true, max_queue: 20, scope: SCOPE_SERVICE, criticality: `
	return []stage.Override{
		{Method: "GetVendor", Policy: bound + `CRITICALITY_CRITICAL}}`},
		{Method: "ListVendors", Policy: bound + `CRITICALITY_SHEDDABLE}}`},
	}
}

// criticalAndNot makes every eighth request a critical one: under four times
// the capacity, critical calls alone are half of it.
func criticalAndNot(i int) load.Request {
	if i%8 == 0 {
		return reads(i)
	}
	return lists(i)
}

// settles is how long the gateway may take to find the upstream's capacity: the bound
// begins at max_in_flight, and the breaker that opens meanwhile has its open time. What
// clients see until then is a row of its own.
const settles = 5 * time.Second

func (t *trial) judgeOverload(peak, over load.Seen) {
	settled := over.After(settles)
	critical, sheddable := settled.Named(read), settled.Named(list)
	t.saw("at capacity", peak, uncounted)
	t.saw("4x, first moments", over.Between(0, settles), uncounted)
	t.saw("4x", settled, uncounted)
	t.saw("4x, critical", critical, uncounted)
	t.saw("4x, sheddable", sheddable, uncounted)
	t.responded(over)
	was, is := goodput(peak), goodput(settled)
	t.check(is >= 0.9*was, "goodput stays at least 90 % of the peak", "%.1f a second of %.1f", is, was)
	t.check(share(critical) >= 0.98, "critical calls succeed", "%.1f %%", 100*share(critical))
	t.check(share(critical) > share(sheddable), "critical calls go before sheddable ones",
		"%.1f %% of critical, %.1f %% of sheddable calls succeed", 100*share(critical), 100*share(sheddable))
	shed := because(settled, overloaded).Count()
	t.check(shed > 0, "what is too much is shed", "%d requests %v", shed, settled.Failed().Outcomes())
	t.notef("good responses in each second of 4x: %v", eachSecond(over))
}

// eachSecond counts the requests that succeeded, by the second in which their
// response came.
func eachSecond(seen load.Seen) []int {
	counts := make([]int, int(seen.Span.Seconds())+1)
	for _, s := range seen.OK().Samples {
		if at := int((s.At + s.Took).Seconds()); at < len(counts) {
			counts[at]++
		}
	}
	return counts
}

// goodput is how many requests succeed, a second.
func goodput(seen load.Seen) float64 { return float64(seen.OK().Count()) / seen.Span.Seconds() }

func share(seen load.Seen) float64 {
	if seen.Count() == 0 {
		return 0
	}
	return float64(seen.OK().Count()) / float64(seen.Count())
}
