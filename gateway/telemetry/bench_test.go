package telemetry_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/telemetry/jsonlog"
)

// everything is what a process in production uses, with traces that are sampled
// or not.
func everything(tb testing.TB, sampler sdktrace.Sampler) telemetry.Options {
	tb.Helper()
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	metrics, err := telemetry.NewMetrics(meters)
	if err != nil {
		tb.Fatal(err)
	}
	return telemetry.Options{
		Logger:         slog.New(slog.NewJSONHandler(io.Discard, nil)), //nolint:sloglint // the cost of JSON counts
		Metrics:        metrics,
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sampler))),
		Propagator:     propagation.TraceContext{},
	}
}

// batched writes the log by package jsonlog.
func batched(o telemetry.Options) telemetry.Options {
	o.Logger = slog.New(jsonlog.New(io.Discard, jsonlog.Options{}))
	return o
}

// discard is a response that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) WriteHeader(int)             {}
func (discard) Write(b []byte) (int, error) { return len(b), nil }

func routed(route *telemetry.Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.FromContext(r.Context()).SetRoute(route)
		w.WriteHeader(http.StatusOK)
	})
}

func BenchmarkMiddleware(b *testing.B) {
	all := everything(b, sdktrace.NeverSample())
	tests := []struct {
		name    string
		options telemetry.Options
	}{
		{"request id alone", telemetry.Options{}},
		{"log", telemetry.Options{Logger: all.Logger}},
		{"metrics", telemetry.Options{Metrics: all.Metrics}},
		{"traces, unsampled", telemetry.Options{TracerProvider: all.TracerProvider, Propagator: all.Propagator}},
		{"metrics and traces, unsampled", telemetry.Options{Metrics: all.Metrics, TracerProvider: all.TracerProvider, Propagator: all.Propagator}},
		{"everything, unsampled", all},
		{"everything, sampled", everything(b, sdktrace.AlwaysSample())},
		{"everything, unsampled, batched log", batched(all)},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			h := telemetry.Middleware(test.options)(routed(telemetry.NewRoute("/v2/vendors/{id}", "/venta.vendor.v2.VendorService/GetVendor")))
			r := httptest.NewRequest(http.MethodGet, "/v2/vendors/1", nil)
			w := discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkUpstream(b *testing.B) {
	all := everything(b, sdktrace.NeverSample())
	unsampled, dropped := all.TracerProvider.Tracer("").Start(b.Context(), "")
	defer dropped.End()
	sampled, recorded := everything(b, sdktrace.AlwaysSample()).TracerProvider.Tracer("").Start(b.Context(), "")
	defer recorded.End()
	invoked := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	for name, ctx := range map[string]context.Context{"no trace": trace.ContextWithSpan(b.Context(), nil), "unsampled": unsampled, "sampled": sampled} {
		b.Run(name, func(b *testing.B) {
			options := all
			if name == "no trace" {
				options.TracerProvider = nil
			}
			intercept := telemetry.UnaryClientInterceptor(options)
			b.ReportAllocs()
			for b.Loop() {
				_ = intercept(ctx, method, nil, nil, nil, invoked)
			}
		})
	}
}

func BenchmarkCounters(b *testing.B) {
	m := everything(b, sdktrace.NeverSample()).Metrics
	b.ReportAllocs()
	for b.Loop() {
		m.RateLimit(method, "per-client", true)
	}
}

const method = "/venta.vendor.v2.VendorService/GetVendor"
