package scenario

import (
	"context"
	"sync"
	"time"

	"github.com/venta-hq/venta/chaos/internal/report"
)

const (
	// stall is for how long nothing runs only on a machine that stands still. It is
	// half of what [policies] give an attempt.
	stall = 250 * time.Millisecond
	// mostRuns bounds how often a scenario runs.
	mostRuns = 3
	// look is how often the machine is looked at.
	look = 10 * time.Millisecond
)

// judged runs a scenario until a run says something: one that passed, or one
// that failed though the machine never stood still for as long as stall. A machine
// that does exceeds every timeout, and the gateway is right to give up. watch is [watch].
func judged(ctx context.Context, stall time.Duration, watch func() func() time.Duration, run func() report.Scenario) report.Scenario {
	for runs := 1; ; runs++ {
		slowest := watch()
		found := run()
		stood := slowest()
		if found.Passed() || stood < stall || runs == mostRuns || ctx.Err() != nil {
			return found.With(runs, stood)
		}
	}
}

// watch looks at the machine until the function that it returns is called, which
// tells for how long it stood still.
func watch() func() time.Duration {
	var (
		slowest time.Duration
		end     = make(chan struct{})
		ended   sync.WaitGroup
	)
	ended.Go(func() {
		for due := time.Now().Add(look); ; due = time.Now().Add(look) {
			timer := time.NewTimer(look)
			select {
			case <-timer.C:
				slowest = max(slowest, time.Since(due))
			case <-end:
				timer.Stop()
				return
			}
		}
	})
	return func() time.Duration {
		close(end)
		ended.Wait()
		return slowest
	}
}
