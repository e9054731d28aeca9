package telemetry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/requestctx"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// ids gives spans the ids of their requests, as package export does.
type ids struct{}

func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if known := telemetry.AfterwardsID(ctx); known.IsValid() {
		return known.TraceID(), known.SpanID()
	}
	return trace.TraceID{1}, g.NewSpanID(ctx, trace.TraceID{})
}

func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) (id trace.SpanID) {
	if known := telemetry.AfterwardsID(ctx); known.IsValid() {
		return known.SpanID()
	}
	rand.Read(id[:])
	return id
}

// tracedAfterwards returns options under which nothing is sampled, and the spans
// that are written all the same.
func tracedAfterwards(a telemetry.Afterwards) (telemetry.Options, *tracetest.InMemoryExporter) {
	o, sampled := traced(sdktrace.NeverSample())
	o.PublicEndpoint = true
	a.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSyncer(sampled), sdktrace.WithIDGenerator(ids{}), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	o.Afterwards = a
	return o, sampled
}

// TestFailureIsTracedAfterwards holds that a request which was not sampled and has
// failed has a span with its attempts and events, with the ids that the service saw
// and the log tells.
func TestFailureIsTracedAfterwards(t *testing.T) {
	o, spans := tracedAfterwards(telemetry.Afterwards{})
	m := newMeasured(t)
	o.Metrics = m.Metrics
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	var seen string
	h := telemetry.Middleware(o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		telemetry.FromContext(r.Context()).SetRoute(telemetry.NewRoute("/v1/orders/{id}", method))
		telemetry.CachedAs(r.Context(), "miss")
		for number := range 2 {
			sent, _ := invoke(r.Context(), o, status.Error(codes.Unavailable, "secret"))
			seen = sent[traceparent][0]
			telemetry.Retried(r.Context(), number+1, "retried")
		}
		telemetry.Shadowed(r.Context(), "timeout", "exceed", "")
		telemetry.BreakerTurned(r.Context(), "a.B", "closed", "open", "")
		telemetry.Failed(r.Context(), &apierror.Error{Code: codes.Unavailable, Reason: apierror.CircuitOpen})
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	r := httptest.NewRequest(http.MethodGet, "/v1/orders/1", nil)
	r.Header.Set(traceparent, sampled)
	h.ServeHTTP(httptest.NewRecorder(), r)

	all := spans.GetSpans()
	if len(all) != 3 {
		t.Fatalf("%d spans", len(all))
	}
	root := all[2] // the last to end
	id := root.SpanContext
	if want := "00-" + id.TraceID().String() + "-" + id.SpanID().String() + "-00"; seen != want || root.Parent.IsValid() {
		t.Errorf("the service saw %s, want %s; parent %v", seen, want, root.Parent)
	}
	if len(root.Links) != 1 || root.Links[0].SpanContext.TraceID().String() != traceID {
		t.Errorf("links %v", root.Links)
	}
	if !strings.Contains(log.String(), `"trace_id":"`+id.TraceID().String()+`"`) {
		t.Errorf("logged %s", log.String())
	}
	got := attributesOf(root)
	for key, want := range map[string]string{
		"venta.sampled": "afterwards", "venta.trace.reason": "failed", "venta.attempts": "2", "http.response.status_code": "503", "rpc.method": strings.TrimPrefix(method, "/"),
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
	var events []string
	for _, e := range root.Events {
		events = append(events, e.Name)
		if e.Time.Before(root.StartTime) || e.Time.After(root.EndTime) {
			t.Errorf("%s at %v, outside of the span", e.Name, e.Time)
		}
	}
	if diff := cmp.Diff([]string{
		"venta.cache", "venta.retry", "venta.retry", "venta.policy.shadow", "venta.circuit_breaker.transition", "venta.refused",
	}, events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, one := range all[:2] {
		if one.Parent.SpanID() != id.SpanID() || one.SpanContext.TraceID() != id.TraceID() || one.SpanContext.SpanID() == id.SpanID() ||
			one.SpanKind != trace.SpanKindClient || one.Status.Code != otelcodes.Error || attributesOf(one)["rpc.response.status_code"] != "UNAVAILABLE" ||
			one.StartTime.Before(root.StartTime) || one.EndTime.After(root.EndTime) {
			t.Errorf("attempt %+v", one)
		}
	}
	m.expect(t, "venta.trace.afterwards", map[string]int64{"venta.trace.reason=failed,venta.trace.written=true": 1})
}

func TestWhatIsTracedAfterwards(t *testing.T) {
	respond := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	takes := func(d time.Duration) http.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) { time.Sleep(d) } // virtual
	}
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		own     time.Duration // how long a request of the route takes that is slow
		header  string        // of the client's trace
		trusted bool
		reason  string
	}{
		{"fine", respond(200), 0, "", false, ""},
		{"the client's fault", respond(404), 0, "", false, ""},
		{"a stranger's sampled nothing", respond(404), 0, sampled, false, ""},
		{"failed", respond(500), 0, "", false, "failed"},
		{"failed, of a trusted trace", respond(500), 0, unsampled, true, "failed"},
		{"panicked", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, "", false, "failed"},
		{"not slow", takes(time.Second), 0, "", false, ""},
		{"slow", takes(time.Second + 1), 0, "", false, "slow"},
		{"slow for its route", takes(time.Second / 2), time.Second / 4, "", false, "slow"},
		{"a stream lasts", func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Minute)
			_ = http.NewResponseController(w).Flush()
		}, 0, "", false, ""},
		{"a stream that broke", func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			broken(r.Context(), codes.Unavailable)
		}, 0, "", false, "failed"},
		{"a stream that its client left", func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).Flush()
			broken(r.Context(), codes.Canceled)
		}, 0, "", false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, spans := tracedAfterwards(telemetry.Afterwards{SlowAfter: time.Second})
				o.Trusted = func(*http.Request) bool { return test.trusted }
				route := telemetry.NewRoute("/x", method).SlowAfter(test.own)
				h := telemetry.Middleware(o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					telemetry.FromContext(r.Context()).SetRoute(route)
					test.handler(w, r)
				}))
				r := httptest.NewRequest(http.MethodGet, "/x", nil)
				if test.header != "" {
					r.Header.Set(traceparent, test.header)
				}
				func() {
					defer func() { _ = recover() }()
					h.ServeHTTP(httptest.NewRecorder(), r)
				}()
				all := spans.GetSpans()
				if len(all) == 0 != (test.reason == "") {
					t.Fatalf("%d spans", len(all))
				}
				if len(all) == 0 {
					return
				}
				root := all[len(all)-1] // the last to end
				if got := attributesOf(root)["venta.trace.reason"]; got != test.reason {
					t.Errorf("because %q", got)
				}
				if inTrace := root.Parent.TraceID().String() == traceID; inTrace != test.trusted {
					t.Errorf("parent %v", root.Parent)
				}
			})
		})
	}
}

// broken is a request whose stream to the upstream ends with a code.
func broken(ctx context.Context, code codes.Code) {
	_, err := openStream(ctx, telemetry.Options{}, grpc.StreamDesc{ServerStreams: true}, nil, status.Error(code, "gone"))
	telemetry.Failed(ctx, err)
}

// TestAfterwardsIsBounded holds the number a second, and that a route that fails
// all the time leaves room for others.
func TestAfterwardsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, spans := tracedAfterwards(telemetry.Afterwards{PerSecond: 8})
		m := newMeasured(t)
		o.Metrics = m.Metrics
		routes := []*telemetry.Route{}
		for range 6 {
			routes = append(routes, telemetry.NewRoute("/x", method))
		}
		var route *telemetry.Route
		h := telemetry.Middleware(o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			telemetry.FromContext(r.Context()).SetRoute(route)
			w.WriteHeader(http.StatusInternalServerError)
		}))
		fail := func(times int) {
			for range times {
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x", nil))
			}
		}
		route = routes[0]
		fail(1000)
		if n := len(spans.GetSpans()); n != 2 {
			t.Errorf("%d spans of one route", n)
		}
		for _, route = range routes[1:] {
			fail(5)
		}
		if n := len(spans.GetSpans()); n != 8 {
			t.Errorf("%d spans of all", n)
		}
		time.Sleep(time.Second) // virtual
		fail(1)
		if n := len(spans.GetSpans()); n != 9 {
			t.Errorf("%d spans a second later", n)
		}
		m.expect(t, "venta.trace.afterwards", map[string]int64{
			"venta.trace.reason=failed,venta.trace.written=true": 9, "venta.trace.reason=failed,venta.trace.written=false": 1017,
		})
	})
}

// TestEventsAreBounded is of a request that is sampled and of one that is not.
func TestEventsAreBounded(t *testing.T) {
	after, spansAfter := tracedAfterwards(telemetry.Afterwards{})
	now, spansNow := traced(sdktrace.AlwaysSample())
	for name, o := range map[string]telemetry.Options{"sampled": now, "afterwards": after} {
		telemetry.Middleware(o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for range 1000 {
				telemetry.Shadowed(r.Context(), "timeout", "exceed", "")
				_, _ = invoke(r.Context(), o, nil)
			}
			w.WriteHeader(http.StatusInternalServerError)
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		spans := spansNow.GetSpans()
		if name == "afterwards" {
			spans = spansAfter.GetSpans()
			if len(spans) != 17 {
				t.Errorf("%s: %d spans", name, len(spans))
			}
		}
		root := spans[len(spans)-1]
		if got := attributesOf(root)["venta.events.left_out"]; len(root.Events) != 32 || got != "968" {
			t.Errorf("%s: %d events, %q left out", name, len(root.Events), got)
		}
	}
}

// TestBackgroundLeavesAFinishedRequestAlone is of what goes on behind a response.
func TestBackgroundLeavesAFinishedRequestAlone(t *testing.T) {
	o, spans := tracedAfterwards(telemetry.Afterwards{})
	var kept context.Context
	telemetry.Middleware(o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept = context.WithoutCancel(r.Context())
		w.WriteHeader(http.StatusInternalServerError)
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	telemetry.Shadowed(kept, "timeout", "exceed", "")
	telemetry.CachedAs(kept, "miss")
	_, _ = invoke(kept, o, nil)
	if all := spans.GetSpans(); len(all) != 1 || len(all[0].Events) != 0 {
		t.Errorf("%+v", all)
	}
}

// TestAttemptsTellTheirAddress is of attempts and streams, one after the other and at once,
// in time and afterwards. Of several at once nobody can tell.
func TestAttemptsTellTheirAddress(t *testing.T) {
	after, spansAfter := tracedAfterwards(telemetry.Afterwards{})
	now, spansNow := traced(sdktrace.AlwaysSample())
	for name, test := range map[string]struct {
		o     telemetry.Options
		spans *tracetest.InMemoryExporter
	}{"sampled": {now, spansNow}, "afterwards": {after, spansAfter}} {
		attempt := func(ctx context.Context, address string, meanwhile func()) {
			stream, err := telemetry.StreamClientInterceptor(test.o)(ctx, &grpc.StreamDesc{ServerStreams: true}, nil, method,
				func(ctx context.Context, _ *grpc.StreamDesc, _ *grpc.ClientConn, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
					requestctx.Reached(ctx, &address)
					meanwhile()
					return nil, status.Error(codes.Unavailable, "gone")
				})
			if stream != nil || err == nil {
				t.Error("a stream")
			}
		}
		none := func() {}
		telemetry.Middleware(test.o)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			attempt(r.Context(), "198.51.100.1:9001", none)
			attempt(r.Context(), "[2001:db8::1]:9002", none)
			attempt(r.Context(), "a:1", func() { attempt(r.Context(), "b:2", none) })
			attempt(r.Context(), "/run/socket", none)
			w.WriteHeader(http.StatusBadGateway)
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		var seen []string
		for _, span := range test.spans.GetSpans() {
			if got := attributesOf(span); span.SpanKind == trace.SpanKindClient {
				seen = append(seen, got["network.peer.address"]+" "+got["network.peer.port"])
			}
		}
		if diff := cmp.Diff([]string{"198.51.100.1 9001", "2001:db8::1 9002", " ", " ", "/run/socket "}, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
