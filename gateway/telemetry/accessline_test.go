package telemetry_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/propagation"

	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/telemetry/jsonlog"
)

// TestLinesAreThoseOfSlog compares the lines that are written without a record
// with those that slog makes of one.
func TestLinesAreThoseOfSlog(t *testing.T) {
	tests := []struct {
		name    string
		request func(*http.Request)
		status  int
		route   *telemetry.Route
	}{
		{name: "no route", status: 404},
		{name: "route", status: 200, route: telemetry.NewRoute("/v2/vendors/{id}", method)},
		{name: "route without an RPC", status: 200, route: telemetry.NewRoute("/v2/vendors/{id}", "")},
		{name: "failure", status: 503},
		{name: "cut", status: 0},
		{name: "sampled", status: 200, request: func(r *http.Request) {
			r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		}},
		{name: "path to escape", status: 200, request: func(r *http.Request) { r.URL.Path = "/a\"b\\c\n\x00<>&\u2028é\xff" }},
		{name: "method to escape", status: 200, request: func(r *http.Request) { r.Method = "G'<\"" }},
		{name: "peer to escape", status: 200, request: func(r *http.Request) { r.RemoteAddr = "@\x7f\t" }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ours, slogs bytes.Buffer
				direct := jsonlog.New(&ours, jsonlog.Options{})
				for _, handler := range []slog.Handler{direct, slog.NewJSONHandler(&slogs, nil)} {
					start := time.Now()
					respondOnce(t, slog.New(handler), test.request, test.status, test.route)
					if took := time.Since(start); took != 1234567*time.Nanosecond {
						t.Fatalf("took %s", took)
					}
				}
				if err := direct.Close(); err != nil {
					t.Fatal(err)
				}
				// The two requests came one after the other.
				want := strings.Replace(slogs.String(), "00:00:00.002469134", "00:00:00.001234567", 1)
				if diff := cmp.Diff(want, ours.String()); diff != "" || ours.Len() == 0 {
					t.Errorf("(-slog +ours):\n%s", diff)
				}
			})
		})
	}
}

// respondOnce logs a request that takes a while and gets a status, or
// cut where that is 0.
func respondOnce(t *testing.T, logger *slog.Logger, change func(*http.Request), status int, route *telemetry.Route) {
	t.Helper()
	h := telemetry.Middleware(telemetry.Options{Logger: logger, Propagator: propagation.TraceContext{}})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			telemetry.FromContext(r.Context()).SetRoute(route)
			time.Sleep(1234567 * time.Nanosecond) // virtual
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("hello"))
		}))
	r := httptest.NewRequest(http.MethodGet, "/v2/vendors/7?token=secret", nil)
	r.Header.Set(telemetry.RequestIDHeader, "given")
	if change != nil {
		change(r)
	}
	defer func() { _ = recover() }() // of the one that is cut
	h.ServeHTTP(httptest.NewRecorder(), r)
}
