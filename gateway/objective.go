package gateway

import (
	"errors"
	"fmt"
	"slices"

	"github.com/venta-hq/venta/gateway/policy"
)

// promise gives the histograms a bucket at each latency that the RPCs of a service
// promise, beside those of the services before it.
func (g *Gateway) promise(s Service) error {
	if g.options.MeterProvider == nil {
		return nil // nothing is measured
	}
	promised := slices.Clone(g.promised)
	for _, m := range s.Methods {
		promised = append(promised, policy.Method{Objective: m.Policy.Objective})
	}
	bounds, err := policy.LatencyBounds(promised...)
	switch {
	case errors.Is(err, policy.ErrTooManyBounds) && g.options.NativeHistograms:
		return nil // which have no such buckets
	case err != nil:
		return fmt.Errorf("%s: objective.latency: %w; let RPCs promise the same, or take native histograms", s.Name, err)
	}
	if err := g.environment.Telemetry.Metrics.SetLatencyBounds(bounds); err != nil {
		return fmt.Errorf("%s: objective.latency: %w", s.Name, err)
	}
	g.promised = promised
	return nil
}
