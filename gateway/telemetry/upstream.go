package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// UnaryClientInterceptor returns the innermost step around a call: each attempt
// gets a client span by the semantic conventions for RPC, a measure in
// venta.upstream.duration, and metadata that carries the trace on. It uses the
// Metrics, TracerProvider and Propagator of the options.
//
// A call of a trace that is not sampled gets no span; its service learns that
// the trace is not sampled.
func UnaryClientInterceptor(o Options) grpc.UnaryClientInterceptor {
	u := &upstream{
		metrics:    o.Metrics,
		tracer:     tracerOf(o.TracerProvider),
		propagator: o.Propagator,
		options:    []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient)},
	}
	return u.intercept
}

type upstream struct {
	metrics    *Metrics
	tracer     trace.Tracer                  // nil: no spans
	propagator propagation.TextMapPropagator // nil: nothing is carried on
	options    []trace.SpanStartOption       // of every span
}

func (u *upstream) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	start := time.Now()
	ctx, span := u.start(ctx, method)
	ended := call{method: method, code: codes.Unknown} // of a call that panics
	defer func() { u.end(ctx, span, ended, time.Since(start)) }()
	err := invoker(u.inject(ctx), method, req, reply, cc, opts...)
	ended.code = known(status.Code(err))
	return err
}

// start returns a nil span where none is made.
func (u *upstream) start(ctx context.Context, method string) (context.Context, trace.Span) {
	if u.tracer == nil {
		return ctx, nil
	}
	if parent := trace.SpanContextFromContext(ctx); parent.IsValid() && !parent.IsSampled() {
		return ctx, nil
	}
	return u.tracer.Start(ctx, rpcMethod(method), u.options...)
}

// inject writes the trace context into the call's metadata.
func (u *upstream) inject(ctx context.Context) context.Context {
	if u.propagator == nil {
		return ctx
	}
	out := outgoing{ctx}
	u.propagator.Inject(ctx, &out)
	return out.ctx
}

// end reports a call, also one that panicked.
func (u *upstream) end(ctx context.Context, span trace.Span, c call, took time.Duration) {
	if u.metrics != nil {
		u.metrics.upstreamDuration.Record(ctx, took.Seconds(), u.metrics.calls.of(c)...)
	}
	if span == nil {
		return
	}
	if span.IsRecording() {
		span.SetAttributes(c.attributes()...)
		if c.code != codes.OK {
			span.SetStatus(otelcodes.Error, "")
		}
	}
	span.End()
}

// call is what tells the series of calls apart.
type call struct {
	method string
	code   codes.Code
}

func (c call) attributes() []attribute.KeyValue {
	name := code.Code(c.code).String() // as in google.rpc.Code: "NOT_FOUND"
	attributes := []attribute.KeyValue{
		semconv.RPCSystemNameGRPC,
		semconv.RPCMethod(rpcMethod(c.method)),
		semconv.RPCResponseStatusCode(name),
	}
	if c.code != codes.OK {
		attributes = append(attributes, semconv.ErrorTypeKey.String(name))
	}
	return attributes
}

// known returns UNKNOWN for a code that gRPC does not define: a service could
// send any number.
func known(c codes.Code) codes.Code {
	if c > codes.Unauthenticated {
		return codes.Unknown
	}
	return c
}

// outgoing is the metadata of a call as a propagation.TextMapCarrier. It holds
// the context that the metadata is in, which changes with each Set.
type outgoing struct{ ctx context.Context }

// Get implements propagation.TextMapCarrier.
func (o *outgoing) Get(key string) string {
	if values := metadata.ValueFromOutgoingContext(o.ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set replaces what a client may have passed in by a header such as
// Grpc-Metadata-Traceparent. All metadata is copied only in that case.
func (o *outgoing) Set(key, value string) {
	if len(metadata.ValueFromOutgoingContext(o.ctx, key)) == 0 {
		o.ctx = metadata.AppendToOutgoingContext(o.ctx, key, value)
		return
	}
	all, _ := metadata.FromOutgoingContext(o.ctx)
	all.Set(key, value)
	o.ctx = metadata.NewOutgoingContext(o.ctx, all)
}

// Keys implements propagation.TextMapCarrier.
func (o *outgoing) Keys() []string {
	all, _ := metadata.FromOutgoingContext(o.ctx)
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	return keys
}
