package telemetry

import (
	"context"
	"net"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// UnaryClientInterceptor returns the innermost step around a call: each attempt
// gets a client span by the semantic conventions for RPC, a measure in
// venta.upstream.duration, and metadata that carries the trace on. It uses the
// Metrics, TracerProvider and Propagator of the options.
//
// A call of a trace that is not sampled gets no span; its service learns that
// the trace is not sampled.
//
// The options' zero value makes neither: calls are then told to the access log alone.
func UnaryClientInterceptor(o Options) grpc.UnaryClientInterceptor {
	return newUpstream(o).intercept
}

func newUpstream(o Options) *upstream {
	return &upstream{
		quiet:      o.Metrics == nil && tracerOf(o.TracerProvider) == nil && o.Propagator == nil,
		metrics:    o.Metrics,
		tracer:     tracerOf(o.TracerProvider),
		propagator: o.Propagator,
		atEdge:     o.MetadataAtEdge,
		options:    []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient)},
	}
}

type upstream struct {
	quiet      bool // nobody wants to know but the access log
	metrics    *Metrics
	tracer     trace.Tracer                  // nil: no spans
	propagator propagation.TextMapPropagator // nil: nothing is carried on
	atEdge     bool
	options    []trace.SpanStartOption // of every span
}

func (u *upstream) intercept(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoker grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	record := recordOf(ctx)
	if u.quiet && record == nil {
		return invoker(ctx, method, req, reply, cc, opts...)
	}
	start := time.Now()
	record.begin(start, false)
	ctx, span := u.start(ctx, method)
	ended := call{method: method, code: codes.Unknown} // of a call that panics
	defer func() { u.end(ctx, span, record, ended, start) }()
	if span != nil {
		to := new(peer.Peer)
		opts = append(slices.Clip(opts), grpc.Peer(to))
		defer func() { describePeer(span, to) }()
	}
	err := invoker(u.inject(ctx, span), method, req, reply, cc, opts...)
	ended.code = known(status.Code(err))
	return err
}

// start returns a nil span where none is made.
func (u *upstream) start(ctx context.Context, method string) (context.Context, trace.Span) {
	if !spansCall(ctx, u.tracer) {
		return ctx, nil
	}
	return u.tracer.Start(ctx, rpcMethod(method), u.options...) //nolint:spancheck // upstream.end ends it
}

// spansCall reports whether a call gets a span.
func spansCall(ctx context.Context, tracer trace.Tracer) bool {
	if tracer == nil {
		return false
	}
	parent := trace.SpanContextFromContext(ctx)
	return !parent.IsValid() || parent.IsSampled()
}

// inject writes the trace context into the call's metadata.
func (u *upstream) inject(ctx context.Context, span trace.Span) context.Context {
	if u.propagator == nil || u.atEdge && span == nil {
		return ctx
	}
	out := outgoing{ctx}
	u.propagator.Inject(ctx, &out)
	return out.ctx
}

// end reports a call, also one that panicked.
func (u *upstream) end(ctx context.Context, span trace.Span, r *record, c call, start time.Time) {
	now := time.Now()
	address := r.end(c, start, now)
	if span == nil && u.tracer != nil {
		ctx = context.Background() // the trace is not sampled: there is no exemplar to look for
	}
	if u.metrics != nil {
		u.metrics.durations.get().upstream.Record(ctx, now.Sub(start).Seconds(), u.metrics.calls.of(c)...)
	}
	if span == nil {
		return
	}
	if span.IsRecording() {
		describeCall(span, c, address)
		if n := previousAttempts(ctx); n > 0 {
			span.SetAttributes(previousKey.Int(n))
		}
	}
	span.End()
}

// previousKey is the attribute that gRPC's own instrumentation has (gRFC A72).
const previousKey = attribute.Key("previous-rpc-attempts")

// previousAttempts returns how many attempts of the call there were before this one,
// as its metadata says (gRFC A6).
func previousAttempts(ctx context.Context) int {
	values := metadata.ValueFromOutgoingContext(ctx, "grpc-previous-rpc-attempts")
	if len(values) == 0 {
		return 0
	}
	n, err := strconv.Atoi(values[0])
	if err != nil {
		return 0
	}
	return n
}

// describeCall tells how a call has ended, and at which address, if that is known.
func describeCall(span trace.Span, c call, address *string) {
	span.SetAttributes(c.attributes()...)
	if address != nil {
		span.SetAttributes(peerAttributes(*address)...)
	}
	if c.code != codes.OK {
		fail(span)
	}
}

// describePeer tells which of its addresses an upstream was called at.
func describePeer(span trace.Span, to *peer.Peer) {
	if to.Addr == nil {
		return // it was never sent
	}
	span.SetAttributes(peerAttributes(to.Addr.String())...)
}

// peerAttributes tell an address apart from its port, where it has one.
func peerAttributes(address string) []attribute.KeyValue {
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return []attribute.KeyValue{semconv.NetworkPeerAddress(address)}
	}
	attributes := []attribute.KeyValue{semconv.NetworkPeerAddress(name)}
	if number, err := strconv.Atoi(port); err == nil {
		attributes = append(attributes, semconv.NetworkPeerPort(number))
	}
	return attributes
}

// call is what tells the series of calls apart.
type call struct {
	method string
	code   codes.Code
}

func (c call) attributes() []attribute.KeyValue {
	name := codeName(c.code)
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

// codeName returns a code's name as google.rpc.Code has it, such as "NOT_FOUND".
func codeName(c codes.Code) string { return code.Code(c).String() }

// known returns UNKNOWN for a code that gRPC does not define: a service could
// send any number.
func known(c codes.Code) codes.Code {
	if c > codes.Unauthenticated {
		return codes.Unknown
	}
	return c
}
