package export_test

import (
	"math"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway/telemetry/export"
)

func TestSetSampleRatio(t *testing.T) {
	to := (&collector{}).start(t)
	p, _ := start(t, export.Config{OTLPEndpoint: to.address})
	tracer := p.TracerProvider.Tracer("test")
	recorded := func() (n int) {
		for range 1000 {
			if _, root := tracer.Start(t.Context(), "root"); root.IsRecording() {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		ratio   float64
		atLeast int
		atMost  int
	}{{1, 1000, 1000}, {0.5, 350, 650}, {0, 0, 0}, {1, 1000, 1000}} {
		if err := p.SetSampleRatio(step.ratio); err != nil {
			t.Fatal(err)
		}
		if n := recorded(); n < step.atLeast || n > step.atMost {
			t.Errorf("at ratio %v: %d of 1000 are sampled", step.ratio, n)
		}
	}
	for _, wrong := range []float64{-0.1, 1.1, math.NaN()} {
		if err := p.SetSampleRatio(wrong); err == nil {
			t.Errorf("ratio %v is taken", wrong)
		}
	}
	if n := recorded(); n != 1000 {
		t.Errorf("a wrong ratio changed something: %d of 1000 are sampled", n)
	}
}

// TestSetSampleRatioKeepsDecisions: a trace under way stays whole, and a caller's
// decision stays the caller's.
func TestSetSampleRatioKeepsDecisions(t *testing.T) {
	to := (&collector{}).start(t)
	p, _ := start(t, export.Config{OTLPEndpoint: to.address, SampleRatio: 1})
	tracer := p.TracerProvider.Tracer("test")
	within, root := tracer.Start(t.Context(), "root")
	defer root.End()
	if err := p.SetSampleRatio(0); err != nil {
		t.Fatal(err)
	}
	if _, child := tracer.Start(within, "child"); !child.IsRecording() {
		t.Error("a trace under way lost its rest")
	}
	if err := p.SetSampleRatio(1); err != nil {
		t.Fatal(err)
	}
	unsampled := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, Remote: true,
	}))
	if _, child := tracer.Start(unsampled, "child"); child.IsRecording() {
		t.Error("the caller's decision is not followed")
	}
}

func TestSetSampleRatioWhileTracing(t *testing.T) {
	to := (&collector{}).start(t)
	p, _ := start(t, export.Config{OTLPEndpoint: to.address})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 100 {
				_, span := p.TracerProvider.Tracer("test").Start(t.Context(), "work")
				span.End()
				_ = p.SetSampleRatio(float64(i) / 4)
			}
		})
	}
	all.Wait()
}

func TestSetSampleRatioWithoutTraces(t *testing.T) {
	p, _ := start(t, export.Config{})
	if err := p.SetSampleRatio(1); err != nil {
		t.Fatal(err)
	}
	if _, root := p.TracerProvider.Tracer("test").Start(t.Context(), "root"); root.IsRecording() {
		t.Error("traces without a collector")
	}
}
