// Package scenario holds the fault scenarios: each sets processes up, puts them
// under load, breaks something, and judges what clients saw.
//
// Criteria count (failures, attempts, statuses) rather than measure wherever
// they can, so that a busy machine does not decide them.
package scenario

import (
	"cmp"
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/report"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// Scenario is one way to break things.
type Scenario struct {
	Name  string
	About string
	// Short tells that the scenario is part of the short form.
	Short bool

	stall time.Duration // for how long the machine may stand still; 0 is [stall]
	run   func(ctx context.Context, t *trial) error
}

// All returns the scenarios in the order in which they run.
func All() []Scenario {
	return []Scenario{
		latency, resets, blackHole, halfOpen, errorRates, businessErrors, oneOfThree, slowDrip, backendRestarts,
		totalOutage, overload, healthyBound, rollingGateways, keepAlive, rollingBackends, reload,
		writerCutOff, sentinelFailover, redisSlow,
	}
}

// limit bounds a scenario; nothing runs that long unless it fails.
const limit = 3 * time.Minute

// Form is how a scenario runs.
type Form struct {
	// Scale stretches the times of loads; 1 gives those of a full run. Required.
	Scale float64
	// CountsOnly leaves out the criteria that measure time, for machines that are
	// busy with other tests.
	CountsOnly bool
}

// Full is the form of a full run.
func Full() Form { return Form{Scale: 1} }

// Short is the form that is part of the tests.
func Short() Form { return Form{Scale: 0.5, CountsOnly: true} }

// Run carries the scenario through on a stage of its own, and once more where it
// failed on a machine that stood still meanwhile.
func (s Scenario) Run(ctx context.Context, site *stage.Site, f Form) report.Scenario {
	return judged(ctx, cmp.Or(s.stall, stall), watch, func() report.Scenario { return s.once(ctx, site, f) })
}

func (s Scenario) once(ctx context.Context, site *stage.Site, f Form) report.Scenario {
	began := time.Now()
	t := &trial{form: f, found: report.Scenario{Name: s.Name, About: s.About}}
	if err := s.onStage(ctx, site, t); err != nil {
		t.found.Error = err.Error()
	}
	t.found.Took = time.Since(began)
	return t.found
}

func (s Scenario) onStage(ctx context.Context, site *stage.Site, t *trial) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if t.Stage, err = site.Stage(); err != nil {
		return err
	}
	defer t.Close()
	err = s.run(ctx, t)
	if err != nil || !t.found.Passed() {
		t.found.Logs = t.Logs()
	}
	return err
}
