package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// outlier is one bad backend of several.
type outlier struct {
	name          string
	bad           *stage.Backend
	breaks, heals func() error
	grace         time.Duration // until clients see no failure
	counted       bool          // it counts calls while it is bad
}

// The times of an outlier's course, not stretched: breakers take theirs.
const (
	outlierBreaks  = time.Second
	outlierHeals   = 5 * time.Second
	outlierBack    = 7500 * time.Millisecond
	outlierEnds    = 9 * time.Second
	outlierSettles = 500 * time.Millisecond // for calls under way
)

// course is what happened to an outlier under load.
type course struct {
	seen           load.Seen
	broken, healed time.Duration
	// calls that had come to it: once it should be ejected, before it healed, once
	// it should be back, and at the end.
	ejected, healing, back, end int64
}

func (t *trial) course(ctx context.Context, g *stage.Gateway, o outlier) (c course, err error) {
	run := t.Load(ctx, g.Base(), rate, outlierEnds, reads)
	if c.broken, err = t.then(ctx, run, outlierBreaks, o.breaks); err != nil {
		return c, err
	}
	if c.ejected, err = callsAt(ctx, run, c.broken+o.grace+outlierSettles, o.bad); err != nil {
		return c, err
	}
	if c.healing, err = callsAt(ctx, run, outlierHeals, o.bad); err != nil {
		return c, err
	}
	if c.healed, err = t.then(ctx, run, outlierHeals, o.heals); err != nil {
		return c, err
	}
	if c.back, err = callsAt(ctx, run, outlierBack, o.bad); err != nil {
		return c, err
	}
	c.seen = run.Wait()
	c.end, err = callsAt(ctx, run, outlierEnds, o.bad)
	return c, err
}

func callsAt(ctx context.Context, run *load.Run, at time.Duration, b *stage.Backend) (int64, error) {
	if err := stage.Until(ctx, run, at); err != nil {
		return 0, err
	}
	counts, err := b.Counts(ctx)
	return counts.Calls, err
}

func (t *trial) judgeOutlier(o outlier, c course) {
	graced := c.broken + o.grace
	t.saw(o.name+", first moments", c.seen.Between(c.broken, graced), uncounted)
	t.saw(o.name+", ejected", c.seen.Between(graced, c.healed), uncounted)
	t.saw(o.name+", healed", c.seen.After(c.healed), uncounted)
	t.none(c.seen.After(graced), o.name+": no read fails after "+o.grace.String())
	if o.counted {
		t.isOut(o, c.healing-c.ejected, c.seen.Between(graced+outlierSettles, outlierHeals))
	}
	t.isBack(o, c.end-c.back, c.seen.After(outlierBack))
}

// isOut checks that a bad backend gets no more than probes.
func (t *trial) isOut(o outlier, calls int64, seen load.Seen) {
	t.check(float64(calls) <= 0.1*float64(seen.Count()), o.name+": it is ejected", "it got %d of %d calls", calls, seen.Count())
}

// isBack checks that a healed backend gets a fair part of the calls: half of
// its third is enough.
func (t *trial) isBack(o outlier, calls int64, seen load.Seen) {
	t.check(float64(calls) >= float64(seen.Count())/6, o.name+": it comes back by itself", "it got %d of %d calls", calls, seen.Count())
}
