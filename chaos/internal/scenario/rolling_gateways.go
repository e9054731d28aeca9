package scenario

import (
	"context"
	"time"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/balancer"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var rollingGateways = Scenario{
	Name: "rolling-gateways", About: "two gateways behind a balancer restart one after the other: no request fails, writes included",
	Short: true, run: runRollingGateways,
}

// noticing is how long a balancer may take to send a gateway no more requests
// or the first ones.
const noticing = 10 * time.Second

func runRollingGateways(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return err
	}
	// With some time to respond, there are requests under way at each moment.
	if err := backends[0].Play(ctx, backend.Script{Latency: 30 * time.Millisecond}); err != nil {
		return err
	}
	gateways, b, err := t.balanced(ctx, stage.Config{
		Vendor: stage.Target(backends...), Connection: connection, Overrides: policies(),
		Shutdown: `{delay: 500ms, drain_timeout: 5s}`,
	})
	if err != nil {
		return err
	}
	run := t.Load(ctx, b.Base(), rate, limit, readsAndWrites)
	if err := t.rollAll(ctx, gateways, b); err != nil {
		return err
	}
	seen := run.Stop()
	t.saw("all", seen, uncounted)
	t.none(seen, "no request fails")
	return nil
}

// balanced starts two gateways and a balancer in front of them.
func (t *trial) balanced(ctx context.Context, c stage.Config) ([]*stage.Gateway, *balancer.Balancer, error) {
	var (
		gateways []*stage.Gateway
		members  []balancer.Member
	)
	for range 2 {
		g, err := t.Gateway(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		gateways = append(gateways, g)
		members = append(members, balancer.Member{Base: g.Base(), Ready: g.Ready})
	}
	b, err := t.Balancer(members...)
	return gateways, b, err
}

// rollAll restarts each gateway once the balancer sends it something.
func (t *trial) rollAll(ctx context.Context, gateways []*stage.Gateway, b interface{ In(i int) bool }) error {
	for i, g := range gateways {
		if err := stage.Sleep(ctx, t.span(2*time.Second)); err != nil {
			return err
		}
		err := g.Stop()
		t.check(err == nil, "a gateway drains and ends with exit code 0", "%v", errorOr(err, "it did"))
		if err := g.Start(ctx); err != nil {
			return err
		}
		isIn := func() (bool, error) { return b.In(i), nil }
		if err := stage.Eventually(ctx, noticing, "the balancer takes the gateway in", isIn); err != nil {
			return err
		}
	}
	return stage.Sleep(ctx, t.span(2*time.Second))
}

func errorOr(err error, otherwise string) string {
	if err != nil {
		return err.Error()
	}
	return otherwise
}
