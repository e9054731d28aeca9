package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

// rate is the requests a second of most scenarios: enough for every rate that
// breakers and budgets look at, and little for a small machine.
const rate = 100

// underWay is how long a request may take that is not counted as one of before
// a fault: it may have been under way then.
const underWay = 200 * time.Millisecond

// parts is a load during whose middle part something was broken.
type parts struct {
	all, before, during load.Seen
	// after begins once the gateway had time to recover.
	after load.Seen
}

// strike reads from a gateway for three parts of equal length, breaks something
// for the second, and lets it recover at the beginning of the third.
func (t *trial) strike(ctx context.Context, g *stage.Gateway, part, recovery time.Duration, breaks, heals func() error) (parts, error) {
	run := t.Load(ctx, g.Base(), rate, 3*t.span(part)+recovery, reads)
	return t.struck(ctx, run, part, recovery, breaks, heals)
}

// struck is strike for a load of any requests.
func (t *trial) struck(ctx context.Context, run *load.Run, part, recovery time.Duration, breaks, heals func() error) (parts, error) {
	part = t.span(part)
	broken, err := t.then(ctx, run, part, breaks)
	if err != nil {
		return parts{}, err
	}
	healed, err := t.then(ctx, run, 2*part, heals)
	if err != nil {
		return parts{}, err
	}
	seen := run.Wait()
	return parts{
		all: seen, before: seen.Between(0, part-underWay), during: seen.Between(broken, healed), after: seen.After(healed + recovery),
	}, nil
}

// then does something once the load has run for at, and tells when it was done.
func (t *trial) then(ctx context.Context, run *load.Run, at time.Duration, do func() error) (time.Duration, error) {
	if err := stage.Until(ctx, run, at); err != nil {
		return 0, err
	}
	err := do()
	return run.Elapsed(), err
}

// report reports the parts of a load and how many attempts all of it took.
func (t *trial) report(name string, p parts, attempts int64) {
	t.saw(name+"before", p.before, uncounted)
	t.saw(name+"during", p.during, uncounted)
	t.saw(name+"after", p.after, uncounted)
	t.saw(name+"all", p.all, attempts)
}

// one starts a backend and a gateway in front of it.
func (t *trial) one(ctx context.Context) (*stage.Backend, *stage.Gateway, error) {
	all, g, err := t.several(ctx, 1)
	if err != nil {
		return nil, nil, err
	}
	return all[0], g, nil
}

// several starts n backends and a gateway in front of them.
func (t *trial) several(ctx context.Context, n int) ([]*stage.Backend, *stage.Gateway, error) {
	backends, err := t.Backends(ctx, n)
	if err != nil {
		return nil, nil, err
	}
	g, err := t.gateway(ctx, backends...)
	return backends, g, err
}
