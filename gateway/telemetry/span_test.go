package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// traced returns options whose spans can be read.
func traced(sampler sdktrace.Sampler) (telemetry.Options, *tracetest.InMemoryExporter) {
	spans := tracetest.NewInMemoryExporter()
	return telemetry.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithSampler(sdktrace.ParentBased(sampler))),
		Propagator:     propagation.TraceContext{},
	}, spans
}

func attributesOf(span tracetest.SpanStub) map[string]string {
	found := map[string]string{}
	for _, kv := range span.Attributes {
		found[string(kv.Key)] = kv.Value.String()
	}
	return found
}

func TestServerSpan(t *testing.T) {
	o, spans := traced(sdktrace.AlwaysSample())
	h := telemetry.Middleware(o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.FromContext(r.Context()).SetRoute(telemetry.NewRoute("/v2/vendors/{id}", method))
		_, _ = w.Write([]byte("hello"))
	}))
	r := httptest.NewRequest(http.MethodGet, "http://venta.example:8080/v2/vendors/17?token=secret", nil)
	r.Header.Set("User-Agent", "curl/8")
	r.Header.Set(telemetry.RequestIDHeader, "r1")
	h.ServeHTTP(httptest.NewRecorder(), r)
	span := spans.GetSpans()[0]
	if span.Name != "GET /v2/vendors/{id}" || span.SpanKind != trace.SpanKindServer || span.Status.Code != codes.Unset {
		t.Errorf("span %q of kind %v with status %v", span.Name, span.SpanKind, span.Status)
	}
	want := map[string]string{
		"http.request.method": "GET", "http.route": "/v2/vendors/{id}", "http.response.status_code": "200",
		"url.scheme": "http", "url.path": "/v2/vendors/17", "server.address": "venta.example",
		"client.address": "192.0.2.1", "user_agent.original": "curl/8", "http.response.body.size": "5",
		"http.response.header.x-request-id": `["r1"]`, "rpc.method": "venta.vendor.v2.VendorService/GetVendor",
	}
	if diff := cmp.Diff(want, attributesOf(span)); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

func TestServerSpanOfAnOddRequest(t *testing.T) {
	tests := []struct {
		name, verb string
		handler    http.HandlerFunc
		span       string
		code       codes.Code
		attributes map[string]string
	}{
		{"no route", "GET", http.NotFound, "GET", codes.Unset, map[string]string{"http.response.status_code": "404"}},
		{"unknown method", "BREW", http.NotFound, "HTTP", codes.Unset, map[string]string{
			"http.request.method": "_OTHER", "http.request.method_original": "BREW",
		}},
		{"server's fault", "POST", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, "POST", codes.Error, map[string]string{"error.type": "502"}},
		{"panic", "GET", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "GET", codes.Error, map[string]string{"error.type": "aborted"}},
		{"goroutine exits", "GET", func(http.ResponseWriter, *http.Request) { runtime.Goexit() }, "GET", codes.Error, map[string]string{"error.type": "aborted"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, spans := traced(sdktrace.AlwaysSample())
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { _ = recover() }()
				telemetry.Middleware(o)(test.handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(test.verb, "/x", nil))
			}()
			<-done
			span := spans.GetSpans()[0]
			if span.Name != test.span || span.Status.Code != test.code {
				t.Errorf("span %q with status %v", span.Name, span.Status)
			}
			got := attributesOf(span)
			for key, value := range test.attributes {
				if got[key] != value {
					t.Errorf("%s is %q, want %q", key, got[key], value)
				}
			}
			if _, ok := got["http.route"]; ok {
				t.Errorf("http.route is %q", got["http.route"])
			}
		})
	}
}

func TestParent(t *testing.T) {
	tests := []struct {
		name    string
		headers http.Header
		public  bool
		never   bool // no root is sampled
		spans   int
		inTrace bool   // the client's
		state   string // tracestate
	}{
		{"none", http.Header{}, false, false, 1, false, ""},
		{"none, not sampled", http.Header{}, false, true, 0, false, ""},
		{"sampled", http.Header{"Traceparent": {sampled}}, false, true, 1, true, ""},
		{"unsampled", http.Header{"Traceparent": {unsampled}}, false, false, 0, true, ""},
		{"states in two lines", http.Header{"Traceparent": {sampled}, "Tracestate": {"a=1", "b=2"}}, false, false, 1, true, "a=1,b=2"},
		{"two parents", http.Header{"Traceparent": {sampled, sampled}}, false, false, 1, false, ""},
		{"nonsense", http.Header{"Traceparent": {strings.Repeat("0", 10000)}}, false, false, 1, false, ""},
		{"public", http.Header{"Traceparent": {unsampled}}, true, false, 1, false, ""},
		{"public, sampled by the client", http.Header{"Traceparent": {sampled}}, true, true, 0, false, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sampler := sdktrace.AlwaysSample()
			if test.never {
				sampler = sdktrace.NeverSample()
			}
			o, spans := traced(sampler)
			o.PublicEndpoint = test.public
			h := telemetry.Middleware(o)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				span := trace.SpanContextFromContext(r.Context())
				if !span.IsValid() || test.inTrace != (span.TraceID().String() == traceID) || span.TraceState().String() != test.state {
					t.Errorf("inside: %v %v", span.TraceID(), span.TraceState())
				}
				if test.spans > 0 != (telemetry.TraceID(r.Context()) != "") {
					t.Errorf("trace id %q", telemetry.TraceID(r.Context()))
				}
			}))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = test.headers
			h.ServeHTTP(httptest.NewRecorder(), r)
			found := spans.GetSpans()
			if len(found) != test.spans {
				t.Fatalf("%d spans, want %d", len(found), test.spans)
			}
			if test.public && test.spans > 0 && (len(found[0].Links) != 1 || found[0].Links[0].SpanContext.TraceID().String() != traceID) {
				t.Errorf("links %v", found[0].Links)
			}
		})
	}
}

// TestTrusted holds that the trace of whom a public endpoint trusts goes on, with
// its baggage; that a stranger's is a link alone; and that a span which the context
// holds is nobody's claim.
func TestTrusted(t *testing.T) {
	for _, test := range []struct {
		name            string
		trusted, inside bool
		inTrace         bool
		links           int
		baggage         string
	}{
		{"stranger", false, false, false, 1, ""},
		{"trusted", true, false, true, 0, "a=b"},
		{"a span of the program's own", false, true, false, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, spans := traced(sdktrace.AlwaysSample())
			o.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
			o.PublicEndpoint, o.Trusted = true, func(*http.Request) bool { return test.trusted }
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header = http.Header{"Traceparent": {sampled}, "Baggage": {"a=b"}}
			var own trace.SpanContext
			if test.inside {
				ctx, span := o.TracerProvider.Tracer("own").Start(r.Context(), "own")
				own, r = span.SpanContext(), r.WithContext(ctx)
			}
			telemetry.Middleware(o)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				carried := propagation.MapCarrier{}
				o.Propagator.Inject(r.Context(), carried)
				if inTrace := strings.Contains(carried[traceparent], traceID); inTrace != test.inTrace || carried["baggage"] != test.baggage {
					t.Errorf("services see %v", carried)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
			found := spans.GetSpans()
			if len(found) != 1 || len(found[0].Links) != test.links || test.inside && found[0].Parent.SpanID() != own.SpanID() {
				t.Errorf("%+v", found)
			}
		})
	}
}

// Without a tracer the client's trace passes through, unless clients are not
// trusted.
func TestNoTracer(t *testing.T) {
	for name, provider := range map[string]trace.TracerProvider{"nil": nil, "no-op": noop.NewTracerProvider()} {
		for _, public := range []bool{false, true} {
			o := telemetry.Options{TracerProvider: provider, Propagator: propagation.TraceContext{}, PublicEndpoint: public}
			h := telemetry.Middleware(o)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if got := telemetry.TraceID(r.Context()); public != (got == "") || !public && got != traceID {
					t.Errorf("%s, public %v: trace %q", name, public, got)
				}
			}))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set(traceparent, sampled)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
}

// A propagator of another format reads the headers that it wants.
func TestOtherPropagator(t *testing.T) {
	o := telemetry.Options{Propagator: otherFormat{}}
	h := telemetry.Middleware(o)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := telemetry.TraceID(r.Context()); got != traceID {
			t.Errorf("trace %q", got)
		}
	}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Other-Format", sampled)
	h.ServeHTTP(httptest.NewRecorder(), r)
}

type otherFormat struct{ propagation.TraceContext }

func (f otherFormat) Extract(ctx context.Context, carrier propagation.TextMapCarrier) context.Context {
	return f.TraceContext.Extract(ctx, propagation.MapCarrier{traceparent: carrier.Get("x-other-format")})
}
