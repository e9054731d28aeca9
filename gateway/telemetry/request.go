package telemetry

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway/internal/responsewriter"
	"github.com/venta-hq/venta/gateway/requestctx"
)

// Request is what telemetry knows of one request. [Middleware] makes it; later
// steps find it by [FromContext]. Its methods are safe for concurrent use, and
// do nothing on a nil Request, so that a handler works without the middleware,
// too.
type Request struct {
	ctx   requestctx.Context // what the request's steps share
	id    string
	route atomic.Pointer[Route] // nil: not routed (yet)

	// What the middleware alone uses.
	series   series
	active   *count
	span     trace.Span // nil: none
	traced   string     // why it is; "": it is not
	response responsewriter.Watcher
	body     requestBody
	returned bool      // the handler has, and did not panic
	header   [1]string // the id as a header field's values

	secretPath    atomic.Bool                    // it may hold a secret
	clientAddress func(*http.Request) netip.Addr // nil: the peer's

	record record // what its steps tell

	refusals  *Refusals // nil: nobody remembers any
	shadowsMu sync.Mutex
	shadows   []wouldRefuse // what blocks in shadow mode would have refused it for
}

// traceID returns the id of the trace of a request that is over, or "" where nobody
// could find it.
func (q *Request) traceID() string {
	if q.traced != "" {
		return q.span.SpanContext().TraceID().String()
	}
	return TraceID(&q.ctx)
}

// status returns that of the response, which net/http names where the handler
// wrote nothing; 0: the handler was cut before it wrote anything.
func (q *Request) status() int {
	if !q.response.Began() && q.returned {
		return http.StatusOK
	}
	return q.response.Status()
}

type requestKey struct{}

// FromContext returns the request that ctx belongs to, or nil.
func FromContext(ctx context.Context) *Request {
	request, _ := ctx.Value(requestKey{}).(*Request)
	return request
}

// ID returns the request's id, or "" of a nil Request.
func (q *Request) ID() string {
	if q == nil {
		return ""
	}
	return q.id
}

// SetRoute tells which route serves the request. Metrics, span and log of a
// request that is never told name no route.
func (q *Request) SetRoute(route *Route) {
	if q != nil {
		q.route.Store(route)
	}
}

// HidePath keeps the request's path out of logs and spans: it may hold a secret. A
// route whose path does is made by [Route.SecretPath].
func (q *Request) HidePath() {
	if q != nil {
		q.secretPath.Store(true)
	}
}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string { return FromContext(ctx).ID() }

// TraceID returns the id of the trace that ctx belongs to, in hexadecimal, or
// "" where it is not sampled, as nobody could find it then.
func TraceID(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsSampled() || !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}
