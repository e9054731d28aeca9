package telemetry

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// DefaultAfterwardsPerSecond is how many requests a second are traced afterwards
// where nobody says.
const DefaultAfterwardsPerSecond = 20

// Afterwards has requests traced once they are over: those that were not sampled
// and have failed or were slow. Each gets a span of its own and one for each
// attempt, with the ids that the services have seen. Until then a request has no
// span, and what is kept of it is part of its [Request].
//
// Failed is a response of status 500 and above, none at all, and a stream that
// ended with a server's error. Whoever counts spans to learn of shares must leave
// these aside: they have the attribute venta.sampled = "afterwards".
type Afterwards struct {
	// TracerProvider makes the spans, with the ids of [AfterwardsID]: see
	// export.Providers. Nil: no request is traced afterwards.
	TracerProvider trace.TracerProvider
	// PerSecond bounds the requests. One route has a quarter of them at most, so
	// that it hides no other. Default: [DefaultAfterwardsPerSecond].
	PerSecond int
	// SlowAfter is how long a request takes that is slow, streams excepted.
	// Default: none is slow.
	SlowAfter time.Duration
}

const (
	sampledKey     = attribute.Key("venta.sampled")
	traceReasonKey = attribute.Key("venta.trace.reason")
	writtenKey     = attribute.Key("venta.trace.written")
	attemptsKey    = attribute.Key("venta.attempts")
	leftOutEvents  = attribute.Key("venta.events.left_out")
)

// The reasons to trace a request afterwards.
const (
	reasonFailed = "failed"
	reasonSlow   = "slow"
)

type afterwardsKey struct{}

// AfterwardsID returns the ids that a span must have which is started with the
// context, or an invalid one where any will do.
func AfterwardsID(ctx context.Context) trace.SpanContext {
	id, _ := ctx.Value(afterwardsKey{}).(trace.SpanContext)
	return id
}

// afterwards writes the spans of requests that are over.
type afterwards struct {
	tracer    trace.Tracer
	metrics   *Metrics
	perSecond int
	perRoute  int
	slowAfter time.Duration
	budget    perSecond
}

// newAfterwards returns nil where no request is traced afterwards: without a tracer
// there are no ids that anybody has seen.
func newAfterwards(o Options) *afterwards {
	tracer := tracerOf(o.Afterwards.TracerProvider)
	if tracer == nil || tracerOf(o.TracerProvider) == nil {
		return nil
	}
	most := o.Afterwards.PerSecond
	if most <= 0 {
		most = DefaultAfterwardsPerSecond
	}
	return &afterwards{
		tracer: tracer, metrics: o.Metrics, perSecond: most, perRoute: max(1, most/4), slowAfter: o.Afterwards.SlowAfter,
	}
}

// reason returns why a request is to be traced that ended now, or "".
func (a *afterwards) reason(e *Ended) string {
	if a == nil || e.q.span == nil || e.q.span.SpanContext().IsSampled() {
		return ""
	}
	reason := a.reasonOf(e)
	if reason == "" {
		return ""
	}
	written := e.route.afterwards.take(e.now, a.perRoute) && a.budget.take(e.now, a.perSecond)
	a.metrics.tracedAfterwards(reason, written)
	if !written {
		return ""
	}
	return reason
}

func (a *afterwards) reasonOf(e *Ended) string {
	if e.failed() {
		return reasonFailed
	}
	slow := a.slowAfter
	if e.route.slowAfter > 0 {
		slow = e.route.slowAfter
	}
	if slow > 0 && e.Took() > slow && !e.q.response.Streamed() {
		return reasonSlow
	}
	return ""
}

// write makes the spans of a request that ended now. ctx and options are those that
// its own span was to have.
func (a *afterwards) write(ctx context.Context, options []trace.SpanStartOption, e *Ended) {
	id, record := e.q.span.SpanContext(), &e.q.record
	if parent := trace.SpanContextFromContext(ctx); parent.TraceID() != id.TraceID() {
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	ctx, span := a.tracer.Start(context.WithValue(ctx, afterwardsKey{}, id), e.route.spanName(e.q.series.method),
		append(slices.Clip(options), trace.WithTimestamp(record.start))...)
	defer span.End(trace.WithTimestamp(e.now))
	span.SetAttributes(sampledKey.String("afterwards"), traceReasonKey.String(e.q.traced), attemptsKey.Int(record.calls.begun))
	describe(span, e)
	ctx = context.WithValue(ctx, afterwardsKey{}, trace.SpanContext{}) // attempts have ids of their own
	for _, one := range record.calls.all() {
		a.writeAttempt(ctx, one, record.start.Add(one.start))
	}
}

func (a *afterwards) writeAttempt(ctx context.Context, one attemptRecord, start time.Time) {
	_, span := a.tracer.Start(ctx, rpcMethod(one.call.method), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(start))
	span.SetAttributes(sampledKey.String("afterwards"))
	describeCall(span, one.call, one.address)
	span.End(trace.WithTimestamp(start.Add(one.took)))
}

// traced is what tells the series of venta.trace.afterwards apart.
type traced struct {
	reason  string
	written bool
}

func (t traced) attributes() []attribute.KeyValue {
	return []attribute.KeyValue{traceReasonKey.String(t.reason), writtenKey.Bool(t.written)}
}

func (m *Metrics) tracedAfterwards(reason string, written bool) {
	if m != nil {
		m.traced.of(traced{reason, written}).Add(1)
	}
}
