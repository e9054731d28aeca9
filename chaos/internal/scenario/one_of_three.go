package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var oneOfThree = Scenario{
	Name: "one-of-three", About: "one backend of three fails, is dead, or hangs: readers see no failure after the first second, and it comes back by itself",
	Short: true, run: runOneOfThree,
}

func runOneOfThree(ctx context.Context, t *trial) error {
	for _, kind := range []struct {
		name    string
		breaks  func(bad *stage.Backend) error
		heals   func(bad *stage.Backend) error
		grace   time.Duration // until readers see no failure
		counted bool          // while it is bad
	}{
		{"failing", plays(ctx, backend.Script{ErrorPercent: 100}), plays(ctx, backend.Script{}), time.Second, true},
		{"dead", dies, (*stage.Backend).Accept, time.Second, false},
		// Each attempt takes its timeout, half a second, before it counts as failed.
		{"hanging", plays(ctx, backend.Script{Hang: true}), plays(ctx, backend.Script{}), 2 * time.Second, true},
	} {
		backends, g, err := t.several(ctx, 3)
		if err != nil {
			return err
		}
		bad := backends[1]
		o := outlier{
			name: kind.name, bad: bad, grace: kind.grace, counted: kind.counted,
			breaks: func() error { return kind.breaks(bad) }, heals: func() error { return kind.heals(bad) },
		}
		c, err := t.course(ctx, g, o)
		if err != nil {
			return err
		}
		t.judgeOutlier(o, c)
	}
	return nil
}
