package histogram_test

import (
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/venta-hq/venta/gateway/admin/internal/histogram"
)

// read observes values in a histogram of Prometheus' own client.
func read(t *testing.T, o prometheus.HistogramOpts, values ...float64) *dto.Histogram {
	t.Helper()
	o.Name, o.Help = "durations", "A test."
	made := prometheus.NewHistogram(o)
	for _, value := range values {
		made.Observe(value)
	}
	var m dto.Metric
	if err := made.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetHistogram()
}

// native has buckets that are at most 9 % wide (schema 3).
var native = prometheus.HistogramOpts{NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160}

func spread(from, to float64, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = from + (to-from)*float64(i)/float64(n-1)
	}
	return values
}

func near(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	if !(math.Abs(got-want) <= share*want) {
		t.Errorf("%s: %v, not %v", what, got, want)
	}
}

func TestNative(t *testing.T) {
	h := histogram.Histogram{}.Plus(read(t, native, spread(0.001, 1, 1000)...))
	for q, want := range map[float64]float64{0.5: 0.5, 0.95: 0.95, 0.99: 0.99, 1: 1} {
		near(t, "quantile", h.Quantile(q), want, 0.05)
	}
	for bound, want := range map[float64]float64{0.25: 250, 0.5: 500, 2: 1000} {
		n, measured := h.Within(bound)
		if !measured {
			t.Errorf("%v is not measured", bound)
		}
		near(t, "within", n, want, 0.02)
	}
	if n, _ := h.Within(0.0001); n != 0 {
		t.Errorf("%v within less than the least", n)
	}
	if h.Count() != 1000 {
		t.Errorf("%v values", h.Count())
	}
}

// TestNativeBounds holds the buckets' arithmetic exactly: a power of two ends one.
func TestNativeBounds(t *testing.T) {
	h := histogram.Histogram{}.Plus(read(t, native, 0, 0.25, 0.5, 0.5, 1))
	for bound, want := range map[float64]float64{0.125: 1, 0.25: 2, 0.5: 4, 1: 5} {
		if n, _ := h.Within(bound); n != want {
			t.Errorf("%v within %v, not %v", n, bound, want)
		}
	}
	if q := h.Quantile(0.1); q != 0 {
		t.Errorf("%v, not the zero that was observed", q)
	}
	if q := h.Quantile(1); q != 1 {
		t.Errorf("%v, not the highest bound", q)
	}
}

// TestNativeSchemas puts histograms together whose buckets are not equally wide, as
// those of one metric become when they hold much.
func TestNativeSchemas(t *testing.T) {
	wide := native
	wide.NativeHistogramBucketFactor = 2
	fine, coarse := spread(0.1, 0.2, 100), spread(0.2, 0.8, 100)
	for name, o := range map[string][2]prometheus.HistogramOpts{"fine first": {native, wide}, "coarse first": {wide, native}} {
		t.Run(name, func(t *testing.T) {
			before := histogram.Histogram{}.Plus(read(t, o[0], fine...))
			both := before.Plus(read(t, o[1], coarse...))
			if n, _ := both.Within(0.25); both.Count() != 200 || n < 100 || n > 130 {
				t.Errorf("%v of %v", n, both.Count())
			}
			added := both.Minus(before)
			if n, _ := added.Within(1); added.Count() != 100 || n != 100 {
				t.Errorf("%v of %v were added", n, added.Count())
			}
			if again := added.And(before); again.Count() != 200 {
				t.Errorf("%v again", again.Count())
			}
		})
	}
}

func TestClassic(t *testing.T) {
	o := prometheus.HistogramOpts{Buckets: []float64{0.1, 0.2, 0.4}}
	h := histogram.Histogram{}.Plus(read(t, o, 0.05, 0.1, 0.15, 0.3, 5))
	for bound, want := range map[float64]float64{0.1: 2, 0.2: 3, 0.4: 4} {
		if n, counted := h.Within(bound); !counted || n != want {
			t.Errorf("%v within %v (%v), not %v", n, bound, counted, want)
		}
	}
	if _, counted := h.Within(0.3); counted {
		t.Error("what no bucket ends at is counted")
	}
	if q := h.Quantile(0.4); q != 0.1 {
		t.Errorf("%v", q)
	}
	if q := h.Quantile(0.99); q != 0.4 {
		t.Errorf("beyond the last bound: %v", q)
	}
}

func TestEmpty(t *testing.T) {
	for name, h := range map[string]histogram.Histogram{
		"zero value": {}, "native": histogram.Histogram{}.Plus(read(t, native)), "classic": histogram.Histogram{}.Plus(read(t, prometheus.HistogramOpts{})),
	} {
		if q := h.Quantile(0.5); !math.IsNaN(q) || h.Count() != 0 {
			t.Errorf("%s: %v of %v", name, q, h.Count())
		}
	}
}
