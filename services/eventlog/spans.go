package eventlog

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/venta-hq/venta/services/store"
)

const scope = "github.com/venta-hq/venta/services/eventlog"

// spans are those of the semantic conventions of messaging, below the call that wrote
// the event.
type spans struct{ tracer trace.Tracer }

func newSpans(of trace.TracerProvider) spans {
	if of == nil {
		of = noop.NewTracerProvider()
	}
	return spans{of.Tracer(scope)}
}

// send begins the span of an event, where its call was sampled. The context has what
// the event is to carry in any case.
func (s spans) send(ctx context.Context, m store.Message) (context.Context, trace.Span) {
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": m.TraceParent})
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, trace.SpanFromContext(ctx)
	}
	//nolint:spancheck // whoever asked ends it
	ctx, span := s.tracer.Start(ctx, "send "+m.Subject, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.name", "publish"),
		attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.destination.name", m.Subject),
		attribute.String("messaging.message.id", m.ID),
	))
	return ctx, span //nolint:spancheck // whoever asked ends it
}

func ended(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}
