package recent_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/admin/recent"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/telemetry/export"
)

// TestNames holds that what is remembered has the names that the gateway's telemetry
// exports, and that its histograms can be read in both of their forms.
func TestNames(t *testing.T) {
	for name, native := range map[string]bool{"classic histograms": false, "native histograms": true} {
		t.Run(name, func(t *testing.T) { testNames(t, native) })
	}
}

// nobody opens no stream.
func nobody(context.Context, *grpc.StreamDesc, *grpc.ClientConn, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("nobody is there")
}

func testNames(t *testing.T, native bool) {
	const method = "/shop.v1.OrderService/Get"
	providers, err := export.Start(t.Context(), export.Config{ServiceName: "shop", Prometheus: true, NativeHistograms: native})
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := telemetry.NewMetrics(providers.MeterProvider)
	if err != nil {
		t.Fatal(err)
	}
	metrics.ObserveCache(func() (entries, bytes int64) { return 1, 1 })
	metrics.ObserveConcurrency("shop.v1.OrderService.Get", func() telemetry.ConcurrencyLoad { return telemetry.ConcurrencyLoad{Limit: 1} })
	streams := telemetry.StreamClientInterceptor(telemetry.Options{Metrics: metrics})
	route := telemetry.NewRoute("/v1/orders/{id}", method)
	handler := telemetry.Middleware(telemetry.Options{Metrics: metrics})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.FromContext(r.Context()).SetRoute(route)
		metrics.CacheRequest(method, "hit")
		metrics.RateLimit(method, "l", false)
		metrics.RetryAttempt(method, "final")
		metrics.Shed(method, "default")
		metrics.Shadow(method, "timeout", "exceed")
		_, err := streams(r.Context(), &grpc.StreamDesc{}, nil, method, nobody)
		if err == nil {
			t.Error("a stream without an upstream")
		}
	}))
	synctest.Test(t, func(t *testing.T) {
		h := start(t, recent.Options{Gatherer: providers.Gatherer})
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/orders/7", nil))
		next(1)
		w := h.Window("shop.v1.OrderService/Get", 1)
		for _, event := range []string{"status.2xx", "cache.hit", "limit.deny", "attempt.final", "shed.default", "shadow.timeout"} {
			if rates := w.Rates[event]; len(rates) != 1 || rates[0] == 0 {
				t.Errorf("%s: %v", event, rates)
			}
		}
		for p, durations := range w.Durations {
			if len(durations) != 1 || !(0 <= durations[0] && durations[0] < 10) {
				t.Errorf("P%d: %v", p, durations)
			}
		}
		for metric := range recent.Watched {
			if len(h.Series(metric)) == 0 {
				t.Errorf("nobody exports %s", metric)
			}
		}
		if active := h.Series("venta_stream_active"); len(active) != 1 || active[0].Value != 0 {
			t.Errorf("a stream that has ended is open: %v", active)
		}
		all := h.Window(recent.All, 1)
		for _, level := range []string{"memory", "goroutines", "active"} {
			if len(all.Levels[level]) != 1 {
				t.Errorf("%s: %v", level, all.Levels)
			}
		}
		if _, ok := all.Rates["cpu"]; !ok {
			t.Errorf("cpu: %v", all.Rates)
		}
	})
}
