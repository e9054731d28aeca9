package gateway_test

import (
	"log/slog"
	"net/http/httptest"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// TestEndpointsAreTold holds that a trace tells which address an attempt went to and
// which breaker of an address it has opened, on a request that is sampled and on one
// that is traced because it has failed.
func TestEndpointsAreTold(t *testing.T) {
	for _, sampled := range []bool{true, false} {
		now, late := tracetest.NewSpanRecorder(), tracetest.NewSpanRecorder()
		sampler := sdktrace.NeverSample()
		if sampled {
			sampler = sdktrace.AlwaysSample()
		}
		gw, err := gateway.New(gateway.Options{
			Logger:           slog.New(slog.DiscardHandler),
			TracerProvider:   sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithSpanProcessor(now)),
			TracedAfterwards: telemetry.Afterwards{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(late))},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		breaker := perEndpoint()
		breaker.MinimumCalls = 1
		bad := dialBackends(t, map[string]*backend{"bad:1": {get: fail(codes.Unavailable, "down")}})
		if err := gw.Register(service(policy.Method{CircuitBreaker: &breaker}), bad); err != nil {
			t.Fatal(err)
		}
		gw.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v2/vendors/7", nil))
		all := now.Ended()
		if !sampled {
			all = late.Ended()
		}
		if len(all) != 2 || all[0].SpanKind() != trace.SpanKindClient {
			t.Fatalf("sampled %v: %d spans", sampled, len(all))
		}
		if got := attributeOf(all[0], "network.peer.address"); sampled != (got == "bufconn") && got != "bad" {
			t.Errorf("sampled %v: the attempt went to %q", sampled, got)
		}
		if got, want := eventsOf(all[1]), "circuit_breaker.transition venta.vendor.v2.VendorService.GetVendor closed open bad:1"; got != want {
			t.Errorf("sampled %v: told %q, want %q", sampled, got, want)
		}
	}
}

func attributeOf(span sdktrace.ReadOnlySpan, key string) string {
	for _, kv := range span.Attributes() {
		if string(kv.Key) == key {
			return kv.Value.String()
		}
	}
	return ""
}
