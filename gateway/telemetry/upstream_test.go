package telemetry_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// invoke calls through the interceptor; the upstream returns err.
func invoke(ctx context.Context, o telemetry.Options, err error) (sent metadata.MD, got error) {
	got = telemetry.UnaryClientInterceptor(o)(ctx, method, nil, nil, nil,
		func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
			sent, _ = metadata.FromOutgoingContext(ctx)
			return err
		})
	return sent, got
}

func TestUpstreamDuration(t *testing.T) {
	m := newMeasured(t)
	o := telemetry.Options{Metrics: m.Metrics}
	for _, err := range []error{
		nil, nil,
		status.Error(codes.NotFound, "no such vendor"),
		status.Error(codes.Canceled, "left"),
		status.Error(77, "a code of its own"),
		status.Error(78, "another"),
		errors.New("no status"),
	} {
		if _, got := invoke(t.Context(), o, err); got != err {
			t.Errorf("error %v became %v", err, got)
		}
	}
	func() {
		defer func() { _ = recover() }()
		_ = telemetry.UnaryClientInterceptor(o)(t.Context(), method, nil, nil, nil,
			func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { panic("broken") })
	}()
	series := func(code string) string {
		name := "rpc.method=venta.vendor.v2.VendorService/GetVendor,rpc.response.status_code=" + code + ",rpc.system.name=grpc"
		if code != "OK" {
			return "error.type=" + code + "," + name
		}
		return name
	}
	m.expect(t, "venta.upstream.duration", map[string]int64{
		series("OK"): 2, series("NOT_FOUND"): 1, series("CANCELLED"): 1, series("UNKNOWN"): 4,
	})
}

func TestClientSpan(t *testing.T) {
	o, spans := traced(sdktrace.AlwaysSample())
	ctx, parent := o.TracerProvider.Tracer("").Start(t.Context(), "parent")
	sent, _ := invoke(ctx, o, status.Error(codes.Unavailable, "secret"))
	parent.End()
	span := spans.GetSpans()[0]
	if span.Name != "venta.vendor.v2.VendorService/GetVendor" || span.SpanKind != trace.SpanKindClient ||
		span.Status.Code != otelcodes.Error || span.Parent.SpanID() != parent.SpanContext().SpanID() {
		t.Errorf("span %q of kind %v with status %v under %v", span.Name, span.SpanKind, span.Status, span.Parent.SpanID())
	}
	want := map[string]string{
		"rpc.system.name": "grpc", "rpc.method": "venta.vendor.v2.VendorService/GetVendor",
		"rpc.response.status_code": "UNAVAILABLE", "error.type": "UNAVAILABLE",
	}
	if diff := cmp.Diff(want, attributesOf(span)); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	carried := "00-" + span.SpanContext.TraceID().String() + "-" + span.SpanContext.SpanID().String() + "-01"
	if diff := cmp.Diff(metadata.Pairs(traceparent, carried), sent); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestClientSpanWithoutAParent(t *testing.T) {
	o, spans := traced(sdktrace.AlwaysSample())
	if sent, _ := invoke(t.Context(), o, nil); len(sent[traceparent]) != 1 || len(spans.GetSpans()) != 1 {
		t.Errorf("sent %v, %d spans", sent, len(spans.GetSpans()))
	}
}

// A service must not sample what the gateway did not.
func TestUnsampledCall(t *testing.T) {
	o, spans := traced(sdktrace.AlwaysSample())
	ctx := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{traceparent: unsampled})
	sent, _ := invoke(ctx, o, nil)
	if diff := cmp.Diff(metadata.Pairs(traceparent, unsampled), sent); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if n := len(spans.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

func TestMetadataOfOthers(t *testing.T) {
	forged := "00-11111111111111111111111111111111-2222222222222222-01"
	ctx := propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{traceparent: sampled, "tracestate": "a=1"})
	tests := []struct {
		name string
		ctx  context.Context
		o    telemetry.Options
		want metadata.MD
	}{
		{
			"kept", metadata.AppendToOutgoingContext(ctx, "authorization", "x"), telemetry.Options{Propagator: propagation.TraceContext{}},
			metadata.Pairs("authorization", "x", traceparent, sampled, "tracestate", "a=1"),
		},
		{
			"forged by a client", metadata.AppendToOutgoingContext(ctx, traceparent, forged, "authorization", "x"),
			telemetry.Options{Propagator: propagation.TraceContext{}},
			metadata.Pairs("authorization", "x", traceparent, sampled, "tracestate", "a=1"),
		},
		{"no trace", metadata.AppendToOutgoingContext(t.Context(), "a", "b"), telemetry.Options{Propagator: propagation.TraceContext{}}, metadata.Pairs("a", "b")},
		{"no propagator", ctx, telemetry.Options{}, nil},
		{"propagator that reads", metadata.AppendToOutgoingContext(t.Context(), "a", "b"), telemetry.Options{Propagator: curious{}}, metadata.Pairs("a", "b", "seen", "b1")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sent, _ := invoke(test.ctx, test.o, nil)
			if diff := cmp.Diff(test.want, sent); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
		})
	}
}

// curious is a propagator that looks at what is there.
type curious struct{ propagation.TraceContext }

func (curious) Inject(_ context.Context, carrier propagation.TextMapCarrier) {
	carrier.Set("seen", carrier.Get("a")+carrier.Get("none")+strconv.Itoa(len(carrier.Keys())))
}
