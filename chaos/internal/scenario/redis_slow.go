package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/venta-hq/venta/chaos/internal/faultproxy"
	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var redisSlow = Scenario{
	Name: "redis-slow", About: "each reply of Redis takes 12 ms: requests wait for their budget and go on without",
	run: runRedisSlow, stall: slowRequest / 2,
}

// slowRequest is what a request may take in all where Redis is slow.
const slowRequest = 50 * time.Millisecond

func runRedisSlow(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return err
	}
	server, err := t.Redis(ctx)
	if err != nil {
		return err
	}
	between, err := t.Between(server)
	if err != nil {
		return err
	}
	g, err := t.Gateway(ctx, stage.Config{
		Vendor: stage.Target(backends...), Connection: connection,
		Overrides: []stage.Override{{Method: "*", Policy: `{rate_limits: [{name: "shared", requests: 100000, interval: "1s", ` +
			`key: {global: true}, scope: SCOPE_SHARED, on_store_failure: ON_STORE_FAILURE_ALLOW}]}`}},
		Redis: fmt.Sprintf("{addresses: [%q]}", between.Address()),
	})
	if err != nil {
		return err
	}
	between.Set(faultproxy.Fault{Latency: 12 * time.Millisecond})
	seen := t.Load(ctx, g.Base(), rate, t.span(12*time.Second), reads).Wait()
	t.saw("slow", seen, uncounted)
	t.none(seen, "no request fails")
	over := seen.Where(func(s load.Sample) bool { return s.Took > slowRequest }).Count()
	if !t.form.CountsOnly {
		t.check(over*1000 <= seen.Count(), "at most one request in a thousand takes over 50 ms", "%d of %d", over, seen.Count())
	}
	return nil
}
