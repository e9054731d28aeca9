package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/venta-hq/venta/chaos/internal/stage"
)

var sentinelFailover = Scenario{
	Name: "sentinel-failover", About: "a sentinel makes the replica the master while both are well: nobody serves what is old for longer than a second",
	run: runSentinelFailover,
}

// demoted is how long a sentinel takes to tell an old master that it is one, and
// some more.
const demoted = 15 * time.Second

func runSentinelFailover(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return err
	}
	sentinel, err := t.watched(ctx)
	if err != nil {
		return err
	}
	var gateways []*stage.Gateway
	for range 2 {
		g, err := t.Gateway(ctx, stage.Config{
			Vendor: stage.Target(backends...), Connection: connection, Overrides: cachedPolicies(),
			Redis: fmt.Sprintf("{mode: MODE_SENTINEL, master_name: shop, addresses: [%q]}", sentinel.Address),
		})
		if err != nil {
			return err
		}
		gateways = append(gateways, g)
	}
	f := t.newFreshness(gateways, gateways)
	before := t.span(3 * time.Second)
	err = f.goes(ctx, func() error {
		if err := stage.Sleep(ctx, before); err != nil {
			return err
		}
		if _, err := sentinel.Do("SENTINEL FAILOVER shop"); err != nil {
			return err
		}
		return stage.Sleep(ctx, demoted+before)
	})
	f.saw(t, "before", 0, before)
	f.saw(t, "failover", before, before+demoted)
	f.saw(t, "after", before+demoted, limit)
	f.judge(t)
	return err
}

// watched starts a master, a replica and their sentinel.
func (t *trial) watched(ctx context.Context) (*stage.Redis, error) {
	master, err := t.Redis(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := t.Replica(ctx, master); err != nil {
		return nil, err
	}
	return t.Sentinel(ctx, master, "shop")
}
