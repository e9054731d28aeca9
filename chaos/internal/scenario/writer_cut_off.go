package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/venta-hq/venta/chaos/internal/faultproxy"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var writerCutOff = Scenario{
	Name: "writer-cut-off", About: "the gateway that serves all writes cannot reach Redis: the other serves nothing for longer than a second",
	Short: true, run: runWriterCutOff,
}

func runWriterCutOff(ctx context.Context, t *trial) error {
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
	var gateways []*stage.Gateway
	for _, address := range []string{between.Address(), server.Address} {
		g, err := t.Gateway(ctx, stage.Config{
			Vendor: stage.Target(backends...), Connection: connection, Overrides: cachedPolicies(),
			Redis: fmt.Sprintf("{addresses: [%q]}", address),
		})
		if err != nil {
			return err
		}
		gateways = append(gateways, g)
	}
	f := t.newFreshness(gateways[:1], gateways[1:])
	part := t.span(4 * time.Second)
	err = f.goes(ctx, func() error {
		if err := stage.Sleep(ctx, part); err != nil {
			return err
		}
		between.Set(faultproxy.Fault{BlackHole: true})
		if err := stage.Sleep(ctx, 2*part); err != nil {
			return err
		}
		between.Set(faultproxy.Fault{})
		return stage.Sleep(ctx, part)
	})
	f.saw(t, "before", 0, part)
	f.saw(t, "cut off", part, 3*part)
	f.saw(t, "after", 3*part, limit)
	f.judge(t)
	return err
}
