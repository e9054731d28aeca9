package gateway_test

import (
	"io"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
)

// TestStreamsAreTraced holds a stream to a span of its own inside that of its
// request, as a unary call has one.
func TestStreamsAreTraced(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	s := startWatching(t, policy.Method{}, gateway.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)),
		Propagator:     propagation.TraceContext{},
	})
	_, rest := s.open(t)
	s.Gateway.EndStreams()
	if _, err := io.ReadAll(rest); err != nil {
		t.Fatal(err)
	}
	s.Client.CloseIdleConnections()
	ended := spans.GetSpans()
	call := slices.IndexFunc(ended, func(s tracetest.SpanStub) bool { return s.SpanKind == trace.SpanKindClient })
	if call < 0 || ended[call].Name != "grpc.health.v1.Health/Watch" || !ended[call].Parent.IsValid() {
		t.Fatalf("spans %v", ended)
	}
}
