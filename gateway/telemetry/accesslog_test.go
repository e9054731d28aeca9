package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/propagation"

	"github.com/venta-hq/venta/gateway/telemetry"
)

func TestAccessLog(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		level   string
		status  float64
		size    float64
	}{
		{"body", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }, "INFO", 200, 5},
		{"status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "INFO", 404, 0},
		{"hints first", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(204) }, "INFO", 204, 0},
		{"server's fault", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "WARN", 503, 0},
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, "INFO", 200, 0},
		{"upgrade", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(101) }, "INFO", 101, 0},
		{"second status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, "INFO", 201, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			h := telemetry.Middleware(telemetry.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})(test.handler)
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/a?token=secret", nil))
			line := parse(t, log.Bytes())
			if line["level"] != test.level || line["http.response.status_code"] != test.status || line["http.response.body.size"] != test.size {
				t.Errorf("logged %v", line)
			}
			if strings.Contains(log.String(), "secret") {
				t.Errorf("the log holds the query: %s", log.String())
			}
		})
	}
}

func TestAccessLogOfAPanic(t *testing.T) {
	var log bytes.Buffer
	h := telemetry.Middleware(telemetry.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}))
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	if !strings.Contains(log.String(), "http.response.status_code=0") {
		t.Errorf("a request that was cut is logged as %q", log.String())
	}
}

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	sampled     = "00-" + traceID + "-b7ad6b7169203331-01"
	unsampled   = "00-" + traceID + "-b7ad6b7169203331-00"
	traceparent = "traceparent"
)

func TestAccessLogFields(t *testing.T) {
	tests := []struct {
		name   string
		route  *telemetry.Route
		trace  string
		fields map[string]any // beside those of every request
	}{
		{"no route", nil, "", nil},
		{"route without an RPC", telemetry.NewRoute("/docs", ""), "", map[string]any{"http.route": "/docs"}},
		{
			"route of an RPC, sampled", telemetry.NewRoute("/v2/vendors/{id}", method), sampled,
			map[string]any{"http.route": "/v2/vendors/{id}", "rpc.method": "venta.vendor.v2.VendorService/GetVendor", "trace_id": traceID},
		},
		{"not sampled", nil, unsampled, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			h := telemetry.Middleware(telemetry.Options{
				Logger:     slog.New(slog.NewJSONHandler(&log, nil)),
				Propagator: propagation.TraceContext{},
			})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if test.route != nil {
					telemetry.FromContext(r.Context()).SetRoute(test.route)
				}
			}))
			r := httptest.NewRequest(http.MethodGet, "/v2/vendors/1", nil)
			r.Header.Set(telemetry.RequestIDHeader, "r1")
			if test.trace != "" {
				r.Header.Set(traceparent, test.trace)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			want := map[string]any{
				"level": "INFO", "msg": "request", "request_id": "r1", "http.request.method": "GET",
				"url.path": "/v2/vendors/1", "http.response.status_code": 200.0, "http.response.body.size": 0.0,
				"client.address": "192.0.2.1",
			}
			maps.Copy(want, test.fields)
			got := parse(t, log.Bytes())
			if took, ok := got["duration_seconds"].(float64); !ok || took < 0 {
				t.Errorf("duration %v", got["duration_seconds"])
			}
			delete(got, "duration_seconds")
			delete(got, "time")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

// A logger of a higher level costs and writes nothing for good requests.
func TestAccessLogLevel(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	for status, lines := range map[int]int{200: 0, 404: 0, 500: 1} {
		log.Reset()
		h := telemetry.Middleware(telemetry.Options{Logger: logger})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		if got := bytes.Count(log.Bytes(), []byte("\n")); got != lines {
			t.Errorf("%d: %d lines, want %d", status, got, lines)
		}
	}
}

func parse(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	return fields
}
