package telemetry_test

import (
	"bytes"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// sampledLog is an access log that leaves out what it may.
func sampledLog(t *testing.T, to *bytes.Buffer, ratio float64) func(http.HandlerFunc) http.Handler {
	t.Helper()
	access, err := telemetry.NewAccessLog(telemetry.AccessOptions{SuccessRatio: &ratio})
	if err != nil {
		t.Fatal(err)
	}
	step := telemetry.Middleware(telemetry.Options{
		Logger: slog.New(slog.NewJSONHandler(to, nil)), Access: func() *telemetry.AccessLog { return access },
	})
	return func(h http.HandlerFunc) http.Handler { return step(h) }
}

// TestWhatIsNeverSampled holds that only successes are left out.
func TestWhatIsNeverSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			handler http.HandlerFunc
			written bool
		}{
			"success":  {func(http.ResponseWriter, *http.Request) {}, false},
			"redirect": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) }, false},
			"refused":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, true},
			"failed":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, true},
			"slow":     {func(http.ResponseWriter, *http.Request) { time.Sleep(telemetry.DefaultSlowAfter + 1) }, true}, // virtual
			"stale in place of a failure": {func(_ http.ResponseWriter, r *http.Request) {
				telemetry.Failed(r.Context(), &apierror.Error{Code: codes.Unavailable, Reason: apierror.UpstreamUnavailable})
			}, true},
		} {
			var log bytes.Buffer
			sampledLog(t, &log, 0)(test.handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			if written := log.Len() > 0; written != test.written {
				t.Errorf("%s: written %v", name, written)
			}
			if strings.Contains(log.String(), "sample_ratio") {
				t.Errorf("%s: a line that is always written counts as more than one", name)
			}
		}
	})
}

// TestLinesCanBeCounted holds that the lines that are written, each with its weight,
// stand for all.
func TestLinesCanBeCounted(t *testing.T) {
	const requests, ratio = 4000, 0.25
	var log bytes.Buffer
	h := sampledLog(t, &log, ratio)(func(http.ResponseWriter, *http.Request) {})
	for range requests {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	lines := strings.Count(log.String(), `"venta.log.sample_ratio":0.25`)
	if n := strings.Count(log.String(), "\n"); n != lines || math.Abs(float64(lines)/ratio-requests) > requests/5 {
		t.Errorf("%d of %d lines say the ratio, and stand for %d requests", lines, n, int(float64(lines)/ratio))
	}
}

func TestAccessOptionsAreChecked(t *testing.T) {
	ratio, none := 1.5, math.NaN()
	for _, o := range []telemetry.AccessOptions{
		{SuccessRatio: &ratio}, {SuccessRatio: &none}, {SlowAfter: -1}, {Principal: 3}, {PrincipalKey: []byte("short")},
	} {
		if _, err := telemetry.NewAccessLog(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

// TestASecretPathIsNowhere, neither in the line nor in the span.
func TestASecretPathIsNowhere(t *testing.T) {
	for _, routed := range []bool{true, false} {
		var log bytes.Buffer
		spans := tracetest.NewInMemoryExporter()
		h := telemetry.Middleware(telemetry.Options{
			Logger: slog.New(slog.NewJSONHandler(&log, nil)), TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)),
		})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			q := telemetry.FromContext(r.Context())
			if routed {
				q.SetRoute(telemetry.NewRoute("/v1/logins/{password}", method).SecretPath())
			} else {
				q.HidePath()
			}
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/logins/hunter2", nil))
		if strings.Contains(log.String(), "hunter2") || log.Len() == 0 {
			t.Errorf("%s", &log)
		}
		for _, a := range spans.GetSpans()[0].Attributes {
			if a.Value.Type() == attribute.STRING && strings.Contains(a.Value.AsString(), "hunter2") {
				t.Errorf("span: %v", a)
			}
		}
	}
}

// TestFieldsOfClientsAreBounded, and hold nothing that a terminal could stumble over.
func TestFieldsOfClientsAreBounded(t *testing.T) {
	var log bytes.Buffer
	h := telemetry.Middleware(telemetry.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})(http.NotFoundHandler())
	r := httptest.NewRequest(http.MethodGet, "/"+strings.Repeat("a", 100<<10), nil)
	r.Method, r.RemoteAddr = strings.Repeat("M", 100<<10), "[::ffff:192.0.2.7]:1"
	r.Header.Set("User-Agent", "\x1b[31m"+strings.Repeat("é", 100<<10))
	h.ServeHTTP(httptest.NewRecorder(), r)
	line := parse(t, log.Bytes())
	if agent := line["user_agent.original"].(string); !strings.HasPrefix(agent, "?[31mé") || log.Len() > 4<<10 {
		t.Errorf("%d bytes, %q", log.Len(), agent)
	}
	if line["http.request.method"] != "_OTHER" || line["client.address"] != "192.0.2.7" {
		t.Errorf("%v", line)
	}
}
