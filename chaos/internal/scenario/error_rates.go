package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/load"
)

var errorRates = Scenario{
	Name: "errors", About: "the upstream fails 5, 25, 50 and 100 % of the calls: retries hide what they can afford, then the breaker opens",
	Short: true, run: runErrorRates,
}

func runErrorRates(ctx context.Context, t *trial) error {
	for _, level := range []struct {
		percent int
		least   float64 // the share of requests that succeed
	}{
		{5, 0.98},
		{25, 0.80}, // 75 % without retries
		{50, 0},    // at the breaker's threshold: anything may happen, within the budget
		{100, 0},
	} {
		seen, attempts, err := t.atErrorRate(ctx, level.percent)
		if err != nil {
			return err
		}
		share := float64(seen.OK().Count()) / float64(seen.Count())
		t.check(share >= level.least, fmt.Sprintf("at %d %%, at least %.0f %% succeed", level.percent, 100*level.least), "%.1f %%", 100*share)
		t.withinBudget(attempts, seen)
		t.explained(seen)
		if level.percent < 50 {
			t.check(attempts > int64(seen.Count()), "there are retries", "%d attempts of %d calls", attempts, seen.Count())
		}
		if level.percent == 100 {
			t.opened(seen)
			t.check(attempts < int64(seen.Count())/2, "an open breaker spares the upstream", "%d attempts of %d calls", attempts, seen.Count())
		}
	}
	return nil
}

// atErrorRate loads a fresh gateway while its upstream fails that often.
func (t *trial) atErrorRate(ctx context.Context, percent int) (load.Seen, int64, error) {
	b, g, err := t.one(ctx)
	if err != nil {
		return load.Seen{}, 0, err
	}
	if err := b.Play(ctx, backend.Script{ErrorPercent: percent}); err != nil {
		return load.Seen{}, 0, err
	}
	seen := t.Load(ctx, g.Base(), rate, t.span(6*time.Second), reads).Wait()
	counts, err := b.Counts(ctx)
	t.saw(fmt.Sprintf("%d %%", percent), seen, counts.Calls)
	return seen, counts.Calls, err
}

// explained checks that clients can tell why requests failed.
func (t *trial) explained(seen load.Seen) {
	odd := seen.Failed().Where(func(s load.Sample) bool {
		return s.Reason != circuitOpen && s.Reason != upstreamUnavailable
	})
	t.check(odd.Count() == 0, "every failure says why", "%d do not %v", odd.Count(), odd.Outcomes())
}
