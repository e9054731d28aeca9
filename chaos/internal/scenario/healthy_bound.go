package scenario

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/chaos/internal/backend"
	"github.com/venta-hq/venta/chaos/internal/load"
	"github.com/venta-hq/venta/chaos/internal/stage"
)

var healthyBound = Scenario{
	Name: "healthy-bound", About: "an adaptive bound before an upstream that keeps up, whether it fails or becomes slower: nothing is shed",
	Short: true, run: runHealthyBound,
}

// runHealthyBound has no criterion of time: what is shed is counted.
func runHealthyBound(ctx context.Context, t *trial) error {
	backends, err := t.Backends(ctx, 1)
	if err != nil {
		return err
	}
	g, err := t.Gateway(ctx, stage.Config{Vendor: stage.Target(backends...), Overrides: []stage.Override{
		{Method: "GetVendor", Policy: `{concurrency: {max_in_flight: 400, adaptive: true}, ` + plain},
	}})
	if err != nil {
		return err
	}
	const latency = 50 * time.Millisecond
	for _, phase := range []struct {
		name   string
		script backend.Script
		rate   float64
	}{
		{"healthy", backend.Script{Latency: latency}, rate},
		{"15 % fail", backend.Script{Latency: latency, ErrorPercent: 15, ErrorCode: codes.Internal}, rate},
		{"three times as slow", backend.Script{Latency: 3 * latency}, rate},
		{"four times the load", backend.Script{Latency: 3 * latency}, 4 * rate},
	} {
		if err := backends[0].Play(ctx, phase.script); err != nil {
			return err
		}
		seen := t.Load(ctx, g.Base(), phase.rate, t.span(6*time.Second), reads).Wait()
		t.saw(phase.name, seen, uncounted)
		t.judgeHealthy(phase.name, seen)
	}
	return nil
}

// plain leaves out what would hide or answer calls beside the bound.
const plain = `retry: {disabled: true}, circuit_breaker: {disabled: true}, cache: {disabled: true}, rate_limits: [{disabled: true}]}`

func (t *trial) judgeHealthy(phase string, seen load.Seen) {
	shed := because(seen, overloaded).Count()
	t.check(shed == 0, phase+": nothing is shed", "%d of %d", shed, seen.Count())
}
