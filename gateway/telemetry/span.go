package telemetry

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracerOf returns the provider's tracer, or nil where it makes no spans, so
// that nothing is spent on them.
func tracerOf(provider trace.TracerProvider) trace.Tracer {
	if provider == nil {
		return nil
	}
	tracer := provider.Tracer(ScopeName, trace.WithSchemaURL(semconv.SchemaURL))
	if _, none := tracer.(noop.Tracer); none {
		return nil
	}
	return tracer
}

// serverTracing makes the spans of requests.
type serverTracing struct {
	tracer     trace.Tracer                  // nil: no spans
	propagator propagation.TextMapPropagator // nil: clients' traces are left aside
	public     bool
	trusted    func(*http.Request) bool // nil: nobody
	options    []trace.SpanStartOption  // of every span
}

func newServerTracing(o Options) serverTracing {
	return serverTracing{
		tracer:     tracerOf(o.TracerProvider),
		propagator: o.Propagator,
		public:     o.PublicEndpoint,
		trusted:    o.Trusted,
		options:    []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer)},
	}
}

// start continues the client's trace or begins one.
func (t *serverTracing) start(r *http.Request, q *Request) context.Context {
	ctx, options := t.parent(r)
	if t.tracer == nil {
		return ctx
	}
	ctx, q.span = t.tracer.Start(ctx, q.series.method.spanName(), options...) //nolint:spancheck // endServerSpan ends it
	return ctx
}

// parent returns what the request's span is started with.
func (t *serverTracing) parent(r *http.Request) (context.Context, []trace.SpanStartOption) {
	ctx := r.Context()
	switch {
	case !t.public || t.trusted != nil && t.trusted(r):
		return t.extract(ctx, r), t.options
	case t.tracer != nil && !trace.SpanContextFromContext(ctx).IsValid():
		return ctx, t.asRoot(r)
	default:
		return ctx, t.options
	}
}

func (t *serverTracing) extract(ctx context.Context, r *http.Request) context.Context {
	if t.propagator == nil {
		return ctx
	}
	return t.propagator.Extract(ctx, incoming{propagation.HeaderCarrier(r.Header)})
}

// asRoot returns the options of a span that begins a trace. Of the client's it has
// a link; its baggage and state stay behind.
func (t *serverTracing) asRoot(r *http.Request) []trace.SpanStartOption {
	client := trace.SpanContextFromContext(t.extract(context.Background(), r))
	if !client.IsValid() {
		return t.options // there is no other parent
	}
	return append(slices.Clip(t.options), trace.WithLinks(trace.Link{SpanContext: client}))
}

// incoming reads W3C Trace Context as its specification wants: lines of
// tracestate are one list, and several traceparents are none. It also spares
// every request the canonical forms of the names.
type incoming struct{ propagation.HeaderCarrier }

// Get implements propagation.TextMapCarrier.
func (in incoming) Get(key string) string {
	switch key {
	case "traceparent":
		return strings.Join(in.HeaderCarrier["Traceparent"], ",")
	case "tracestate":
		return strings.Join(in.HeaderCarrier["Tracestate"], ",")
	default:
		return in.HeaderCarrier.Get(key)
	}
}

// endServerSpan ends the request's span. Everything is described here, at once,
// and only for a span that is sampled.
func endServerSpan(e *Ended) {
	span := e.q.span
	if span == nil {
		return
	}
	defer span.End()
	if span.IsRecording() {
		describe(span, e)
	}
}

// describe tells of a request that is over, be its span made now or afterwards.
func describe(span trace.Span, e *Ended) {
	record := &e.q.record
	span.SetName(e.route.spanName(e.q.series.method))
	span.SetAttributes(e.route.attributes(outcome{e.q.series, e.status})...)
	span.SetAttributes(requestAttributes(e)...)
	for _, one := range record.allEvents() {
		span.AddEvent(one.name(), trace.WithTimestamp(record.start.Add(one.at)), trace.WithAttributes(one.attributes()...))
	}
	if record.tooMany > 0 {
		span.SetAttributes(leftOutEvents.Int(record.tooMany))
	}
	if e.failed() {
		fail(span)
	}
}

// fail marks a span as that of a failure.
func fail(span trace.Span) { span.SetStatus(codes.Error, "") }

// requestAttributes are those that have too many values for metrics.
func requestAttributes(e *Ended) []attribute.KeyValue {
	q, r := e.q, e.r
	attributes := []attribute.KeyValue{
		semconv.URLPath(q.path(e.route, r)),
		semconv.ServerAddress(host(r.Host)),
		semconv.UserAgentOriginal(e.UserAgent()),
		semconv.HTTPResponseBodySize(int(q.response.Bytes())),
		semconv.HTTPResponseHeader("x-request-id", q.id),
	}
	if client := q.client(r); client.IsValid() {
		attributes = append(attributes, semconv.ClientAddress(client.String()))
	}
	if q.series.method == methodOther {
		attributes = append(attributes, semconv.HTTPRequestMethodOriginal(printable(r.Method, longestMethod)))
	}
	return attributes
}

// host cuts the port off, where there is one.
func host(address string) string {
	if name, _, err := net.SplitHostPort(address); err == nil {
		return name
	}
	return address
}
