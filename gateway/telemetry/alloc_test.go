package telemetry_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// unwritten takes every line and writes none. slog's own handlers keep buffers
// in a sync.Pool, which forgets at random under the race detector.
type unwritten struct{ slog.Handler }

func (unwritten) Enabled(context.Context, slog.Level) bool  { return true }
func (unwritten) Handle(context.Context, slog.Record) error { return nil }

func TestMiddlewareAllocations(t *testing.T) {
	all := everything(t, sdktrace.NeverSample())
	all.Logger = slog.New(unwritten{})
	late := all
	late.PublicEndpoint, late.Afterwards.TracerProvider = true, sdktrace.NewTracerProvider()
	tests := []struct {
		name    string
		options telemetry.Options
		most    float64
	}{
		{"request id alone", telemetry.Options{}, 3},      // request, id, http.Request
		{"log", telemetry.Options{Logger: all.Logger}, 5}, // the attributes, the address
		{"log, as lines", batched(telemetry.Options{}), 3},
		{"metrics", telemetry.Options{Metrics: all.Metrics}, 3},
		{"everything, not sampled", all, 7}, // and the span, its context
		{"and traced afterwards", late, 7},  // what is kept is part of the request
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := telemetry.Middleware(test.options)(routed(telemetry.NewRoute("/v2/vendors/{id}", method)))
			r := httptest.NewRequest(http.MethodGet, "/v2/vendors/1", nil)
			w := discard{http.Header{}}
			if n := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); n > test.most+ofRaceDetector {
				t.Errorf("%v allocations for a request, want at most %v", n, test.most)
			}
		})
	}
}

func TestRecordingAllocatesNothing(t *testing.T) {
	m := newMeasured(t)
	n := testing.AllocsPerRun(1000, func() {
		m.RateLimit(method, "per-client", true)
		m.CacheRequest(method, "hit")
		m.RetryAttempt(method, "final")
		m.BreakerTransition("b", "closed", "open")
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
