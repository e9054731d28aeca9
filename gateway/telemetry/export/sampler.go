package export

import (
	"fmt"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// ratioSampler samples a share of the traces that begin here. The share may
// change at any time.
type ratioSampler struct {
	current atomic.Pointer[sdktrace.Sampler]
}

func newRatioSampler(ratio float64) *ratioSampler {
	s := &ratioSampler{}
	s.set(ratio)
	return s
}

func (s *ratioSampler) set(ratio float64) {
	next := sdktrace.TraceIDRatioBased(ratio)
	s.current.Store(&next)
}

// ShouldSample implements sdktrace.Sampler.
func (s *ratioSampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	return (*s.current.Load()).ShouldSample(p)
}

// Description implements sdktrace.Sampler.
func (s *ratioSampler) Description() string { return (*s.current.Load()).Description() }

// SetSampleRatio changes [Config.SampleRatio] for traces that begin from now on;
// those under way keep what was decided. Where no traces are exported it has no
// effect. It returns an error, and changes nothing, unless ratio is from 0 to 1.
func (p *Providers) SetSampleRatio(ratio float64) error {
	if err := checkRatio(ratio); err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	p.sampler.set(ratio)
	return nil
}

func checkRatio(ratio float64) error {
	if !(ratio >= 0 && ratio <= 1) { // NaN too
		return fmt.Errorf("SampleRatio must be from 0 to 1, not %v", ratio)
	}
	return nil
}
