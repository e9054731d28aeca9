package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Options say where telemetry goes. The zero value only names requests.
type Options struct {
	// Logger takes the access log. Nil: there is none.
	Logger *slog.Logger
	// Access says what the access log tells; it is asked at the end of each request. Nil:
	// all of it.
	Access func() *AccessLog
	// ClientAddress finds the address of the client behind trusted proxies, the invalid
	// one where there is none. Nil: the peer's address is the client's.
	ClientAddress func(*http.Request) netip.Addr
	// Metrics measure requests and calls. Nil: they are not measured.
	Metrics *Metrics
	// TracerProvider makes spans, and decides which requests are sampled. Nil:
	// none are made; what Propagator reads still reaches the services.
	TracerProvider trace.TracerProvider
	// Propagator reads the trace context of requests and writes that of calls;
	// see [go.opentelemetry.io/otel/propagation.TraceContext]. Nil: each request
	// begins a trace that ends at the gateway.
	Propagator propagation.TextMapPropagator
	// PublicEndpoint tells that clients are not trusted: each request begins a
	// trace of its own, linked to the client's; the client decides neither whether it
	// is sampled nor what services see of it. A span that the request's context
	// holds goes on. False: the client's trace goes on.
	PublicEndpoint bool
	// Trusted, if set, reports who is trusted at a PublicEndpoint all the same: the
	// trace of such a request goes on.
	Trusted func(*http.Request) bool
	// MetadataAtEdge tells that [Metadata] has written the trace context of calls
	// that get no span of their own, so that the interceptors need not look.
	// False: they write it for every call.
	MetadataAtEdge bool
	// Afterwards has requests traced that were not sampled. Its zero value: none are.
	Afterwards Afterwards
	// OnRequest, if set, is told each request that has ended, behind its line and its
	// span, by the goroutine that served it: it must not wait, and keep nothing of what
	// it is given but what that returns. Nil costs nothing.
	OnRequest func(*Ended)
	// Refusals remembers requests that were refused. Nil: nobody does.
	Refusals *Refusals
	// Closing, where set and true, has each response that begins announce the end
	// of its connection (Connection: close; GOAWAY on HTTP/2). Here each response
	// passes, whoever writes it, and has its writer already.
	Closing *atomic.Bool
}

// Middleware returns the outermost step of a server. It
//
//   - names each request: by the client's X-Request-Id where that is 1 to 128
//     characters of letters, digits and "-_.", so that it can be logged as it
//     stands, and by 128 random bits otherwise;
//   - makes a server span by the semantic conventions for HTTP;
//   - measures http.server.request.duration and http.server.active_requests;
//   - logs one line when the request ends: at level INFO, or WARN for a status
//     of 500 and above, a stream that ended with a server's error and a response
//     that was broken off. Query strings are left out everywhere, as they may hold
//     secrets. docs/observability.md has the fields.
//
// Inner steps reach the request by [FromContext]. A panic passes through.
func Middleware(o Options) func(http.Handler) http.Handler {
	log := newAccessLog(o)
	tracing := newServerTracing(o)
	late := newAfterwards(o)
	unrouted := NewRoute("", "")
	return func(next http.Handler) http.Handler {
		return &server{
			next: next, log: log, metrics: o.Metrics, tracing: tracing, afterwards: late, unrouted: unrouted,
			closing: o.Closing, clientAddress: o.ClientAddress, access: accessOf(o), onRequest: o.OnRequest,
			refusals: o.Refusals,
		}
	}
}

type server struct {
	next       http.Handler
	log        *accessLog // nil: none
	metrics    *Metrics   // nil: none
	tracing    serverTracing
	afterwards *afterwards // nil: no request is traced afterwards
	unrouted   *Route
	closing    *atomic.Bool // nil: never

	clientAddress func(*http.Request) netip.Addr // nil: the peer's
	access        func() *AccessLog              // nil: nobody asks
	refusals      *Refusals                      // nil: nobody remembers any
	onRequest     func(*Ended)                   // nil: nobody is told
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &Request{
		id:     nameRequest(r.Header),
		record: record{start: time.Now()},
		series: seriesOf(r.Method, r.TLS),

		clientAddress: s.clientAddress,
		refusals:      s.refusals,
	}
	q.response.ResponseWriter = w
	q.response.Closing = s.closing
	q.header[0] = q.id
	w.Header()[RequestIDHeader] = q.header[:1:1] // an Add finds no room and copies
	q.ctx.Begin(s.tracing.start(r, q), requestKey{}, q, &q.record)
	q.record.keeps = s.afterwards != nil || s.onRequest != nil || q.span != nil && q.span.IsRecording()
	q.active = s.metrics.begin(q.series)
	defer s.end(q, r)
	s.next.ServeHTTP(&q.response, q.counted(r.WithContext(&q.ctx)))
	if !q.response.Began() {
		q.response.AnnounceClosing()
	}
	q.returned = true
}

// end reports a request, also one whose handler panicked.
func (s *server) end(q *Request, r *http.Request) {
	e := Ended{q: q, r: r, route: q.route.Load(), now: time.Now(), status: q.status()}
	if e.route == nil {
		e.route = s.unrouted
	}
	q.record.close(e.now)
	q.traced = s.afterwards.reason(&e)
	s.metrics.end(&q.ctx, &e)
	if s.access != nil {
		e.judge(s.access())
	}
	s.log.write(&q.ctx, &e)
	s.refused(&e)
	endServerSpan(&e)
	if q.traced != "" {
		ctx, options := s.tracing.parent(r)
		s.afterwards.write(ctx, options, &e)
	}
	if s.onRequest != nil {
		told := e // in the heap, where somebody is told
		s.onRequest(&told)
	}
}

// begin counts a request that is under way.
func (m *Metrics) begin(s series) *count {
	if m == nil {
		return nil
	}
	active := m.active.of(s)
	active.Add(1)
	return active
}

// end measures a request.
func (m *Metrics) end(ctx context.Context, e *Ended) {
	if m == nil {
		return
	}
	e.q.active.Add(-1)
	m.bodies.add(e.q, e.route)
	m.durations.get().request.Record(ctx, e.Took().Seconds(), e.route.durations.of(outcome{e.q.series, e.status})...)
}
