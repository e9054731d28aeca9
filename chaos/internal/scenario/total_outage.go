package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var totalOutage = Scenario{
	Name: "total-outage", About: "every backend fails, then is dead: few attempts, fast refusals, recovery by itself",
	Short: true, run: runTotalOutage,
}

func runTotalOutage(ctx context.Context, t *trial) error {
	outages := []outage{
		{name: "failing", breaks: plays(ctx, backend.Script{ErrorPercent: 100}), heals: plays(ctx, backend.Script{})},
		{name: "dead", breaks: dies, heals: (*stage.Backend).Accept, scope: "SCOPE_METHOD"},
	}
	if !t.form.CountsOnly {
		// Without a connection there is no endpoint to judge: calls fail at once.
		outages = append(outages, outage{name: "dead, by endpoint", breaks: dies, heals: (*stage.Backend).Accept, unopened: true})
	}
	for _, o := range outages {
		if err := t.total(ctx, o); err != nil {
			return err
		}
	}
	return t.budgetAlone(ctx)
}

// outage is how all backends are away.
type outage struct {
	name          string
	breaks, heals func(*stage.Backend) error
	scope         string // of the breaker; "" for the endpoint's
	unopened      bool   // no breaker opens
}

// recovery is how long the gateway may take to serve again: the breaker's open
// time, a reconnection, and the return of ejected backends.
const recovery = 4 * time.Second

func (t *trial) total(ctx context.Context, o outage) error {
	backends, err := t.Backends(ctx, 3)
	if err != nil {
		return err
	}
	overrides := policies()
	if o.scope != "" {
		overrides = append(overrides, stage.Override{Method: "*", Policy: "{circuit_breaker: " + breaker(o.scope) + "}"})
	}
	g, err := t.Gateway(ctx, stage.Config{Vendor: stage.Target(backends...), Connection: connection, Overrides: overrides})
	if err != nil {
		return err
	}
	const part = 4 * time.Second
	lasts := 3*t.span(part) + recovery
	health := t.Load(ctx, g.Admin(), rate/2, lasts, livez)
	run := t.Load(ctx, g.Base(), 2*rate, lasts, alternating)
	p, err := t.struck(ctx, run, part, recovery, each(o.breaks, backends), each(o.heals, backends))
	if err != nil {
		return err
	}
	attempts, err := stage.Attempts(ctx, backends...)
	if err != nil {
		return err
	}
	t.judgeOutage(o, p, attempts, health.Wait())
	return nil
}

func (t *trial) judgeOutage(o outage, p parts, attempts int64, health load.Seen) {
	t.report(o.name+", ", p, attempts)
	t.none(p.before, o.name+": no request fails before")
	t.responded(p.all)
	t.explained(p.all)
	t.fewAttempts(o.name, attempts, p.all)
	t.none(p.after, o.name+": no request fails once the backends are back")
	if !o.unopened {
		t.refusesFast(o.name, p, health)
	}
}

// alternating reads and writes in turn.
func alternating(i int) load.Request {
	if i%2 == 1 {
		return writes(i)
	}
	return reads(i)
}

func livez(i int) load.Request {
	return load.Request{Name: "health", Method: "GET", Path: "/livez", From: client(i)}
}

// fewAttempts checks the bound of an outage: 1.2 attempts a call.
func (t *trial) fewAttempts(name string, attempts int64, seen load.Seen) {
	t.check(float64(attempts) <= 1.2*float64(seen.Count()), name+": at most 1.2 attempts a call",
		"%d attempts of %d calls (%.2fx)", attempts, seen.Count(), float64(attempts)/float64(seen.Count()))
}

// fast is how long a refusal may take. On a busy machine nothing is fast: a
// refusal may then take as long as a response to /livez, twice over.
const fast = 5 * time.Millisecond

// refusesFast looks at writes alone: a read may have been a probe that failed,
// and have waited before it was refused the second time.
func (t *trial) refusesFast(name string, p parts, health load.Seen) {
	t.opened(p.during)
	refused := because(p.during.Named(write), circuitOpen)
	if t.form.CountsOnly {
		return
	}
	begin, end := p.before.Span, p.before.Span+p.during.Span
	p99, base := refused.Quantile(0.99), health.Between(begin, end).Quantile(0.99)
	t.check(refused.Count() > 0 && p99 <= max(fast, 2*base), name+": p99 of refusals is 5ms, or twice that of /livez meanwhile",
		"p99 %s of %d refusals (p50 %s); p99 of /livez %s", p99, refused.Count(), refused.Quantile(0.5), base)
}

// budgetAlone is an outage without a breaker: nothing but the budget holds
// retries back.
func (t *trial) budgetAlone(ctx context.Context) error {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return err
	}
	overrides := append(policies(),
		stage.Override{Method: "*", Policy: `{circuit_breaker: {disabled: true}}`},
		stage.Override{Method: "GetVendor", Policy: fmt.Sprintf(`{retry: {max_attempts: 5, initial_backoff: 10ms, max_backoff: 20ms, budget: {percent: %d, min_per_second: 0}}}`, budgetPercent)},
	)
	g, err := t.Gateway(ctx, stage.Config{Vendor: stage.Target(backends...), Overrides: overrides})
	if err != nil {
		return err
	}
	if err := backends[0].Play(ctx, backend.Script{ErrorPercent: 100}); err != nil {
		return err
	}
	seen := t.Load(ctx, g.Base(), rate, t.span(6*time.Second), reads).Wait()
	attempts, err := stage.Attempts(ctx, backends...)
	if err != nil {
		return err
	}
	t.saw("no breaker", seen, attempts)
	t.responded(seen)
	t.fewAttempts("no breaker", attempts, seen)
	t.check(attempts > int64(seen.Count()), "no breaker: there are retries", "%d attempts of %d calls", attempts, seen.Count())
	return nil
}
