package events

import (
	"context"

	"github.com/nats-io/nats.go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

const tracerName = "github.com/venta-hq/venta/gateway/events"

// spans are those of the semantic conventions of messaging. An event's publisher is
// the parent of what handles it: what a request has caused is one trace.
type spans struct {
	tracer trace.Tracer
	name   string
}

func newSpans(of trace.TracerProvider, stream string) spans {
	if of == nil {
		of = noop.NewTracerProvider()
	}
	return spans{of.Tracer(tracerName), "process " + stream}
}

func (s spans) process(ctx context.Context, m Message) (context.Context, trace.Span) {
	ctx = Extract(ctx, m.Header)
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, trace.SpanFromContext(ctx)
	}
	//nolint:spancheck // whoever asked ends it
	ctx, span := s.tracer.Start(ctx, s.name, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", "nats"),
		attribute.String("messaging.operation.name", "process"),
		attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.destination.name", m.Subject),
		attribute.String("messaging.message.id", m.ID),
	))
	return ctx, span //nolint:spancheck // whoever asked ends it
}

// Inject writes the trace context (W3C) of ctx into headers, and Extract reads it.
func Inject(ctx context.Context, into nats.Header) {
	propagation.TraceContext{}.Inject(ctx, carrier(into))
}

// Extract returns ctx with the trace context of headers.
func Extract(ctx context.Context, from nats.Header) context.Context {
	return propagation.TraceContext{}.Extract(ctx, carrier(from))
}

// carrier has the names in lower case, as W3C has them: headers of NATS are told apart
// by case.
type carrier nats.Header

// Get implements propagation.TextMapCarrier.
func (c carrier) Get(key string) string { return nats.Header(c).Get(key) }

// Set implements propagation.TextMapCarrier.
func (c carrier) Set(key, value string) { nats.Header(c).Set(key, value) }

// Keys implements propagation.TextMapCarrier.
func (c carrier) Keys() []string {
	var all []string
	for key := range c {
		all = append(all, key)
	}
	return all
}
