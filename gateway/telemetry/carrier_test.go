package telemetry_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// fixedIDs make every span the same, so that two ways to it can be compared.
type fixedIDs struct{}

func (fixedIDs) NewIDs(context.Context) (trace.TraceID, trace.SpanID) {
	return trace.TraceID{1}, trace.SpanID{2}
}

func (fixedIDs) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return trace.SpanID{3} }

func under(flags trace.TraceFlags) context.Context {
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{7}, SpanID: trace.SpanID{8}, TraceFlags: flags,
	}))
	member, _ := baggage.NewMember("tenant", "7")
	bag, _ := baggage.New(member)
	return baggage.ContextWithBaggage(ctx, bag)
}

// TestMetadataAtEdge holds the edge and the interceptor together to what the
// interceptor alone sends.
func TestMetadataAtEdge(t *testing.T) {
	always := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())), sdktrace.WithIDGenerator(fixedIDs{}))
	never := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()), sdktrace.WithIDGenerator(fixedIDs{}))
	contexts := map[string]context.Context{
		"no trace": t.Context(), "sampled": under(trace.FlagsSampled), "not sampled": under(0),
	}
	providers := map[string]trace.TracerProvider{"none": nil, "always": always, "never": never}
	clients := map[string][]string{
		"nothing": nil,
		"traceparent": {
			"traceparent", "00-forged", "authorization", "Bearer x", "traceparent", "00-again", "x-other", "kept",
		},
	}
	for contextName, ctx := range contexts {
		for providerName, provider := range providers {
			for clientName, client := range clients {
				t.Run(contextName+"/"+providerName+"/"+clientName, func(t *testing.T) {
					o := telemetry.Options{
						TracerProvider: provider,
						Propagator:     propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
					}
					want, _ := invoke(metadata.AppendToOutgoingContext(ctx, client...), o, nil)
					pairs := telemetry.Metadata(o)(ctx, slices.Clone(client))
					o.MetadataAtEdge = true
					got, _ := invoke(metadata.AppendToOutgoingContext(ctx, pairs...), o, nil)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("(-interceptor +edge):\n%s", diff)
					}
				})
			}
		}
	}
}

func TestMetadataOfNoPropagator(t *testing.T) {
	if telemetry.Metadata(telemetry.Options{}) != nil {
		t.Error("nothing can be written, and yet there is a function")
	}
}

func TestUnsampledCallAllocates(t *testing.T) {
	o := everything(t, sdktrace.NeverSample())
	o.MetadataAtEdge = true
	intercept := telemetry.UnaryClientInterceptor(o)
	ctx := under(0)
	done := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return nil }
	if n := testing.AllocsPerRun(100, func() { _ = intercept(ctx, method, nil, nil, nil, done) }); n > ofRaceDetector {
		t.Errorf("%v allocations for a call that is not sampled", n)
	}
}
