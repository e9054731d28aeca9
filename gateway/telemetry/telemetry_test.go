package telemetry_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/telemetry"
)

func TestRequestID(t *testing.T) {
	random := regexp.MustCompile(`^[0-9a-f]{32}$`)
	tests := []struct {
		name, sent string
		kept       bool
	}{
		{"none", "", false},
		{"usable", "abc-DEF_1.2", true},
		{"longest", strings.Repeat("a", 128), true},
		{"too long", strings.Repeat("a", 129), false},
		{"would forge a log line", "a\nlevel=ERROR", false},
		{"space", "a b", false},
		{"not ASCII", "ä", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var inside string
			h := telemetry.WithRequestID(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				inside = telemetry.RequestID(r.Context())
			}))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header[telemetry.RequestIDHeader] = []string{test.sent}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got := w.Header().Get(telemetry.RequestIDHeader); got != inside {
				t.Errorf("header %q, context %q", got, inside)
			}
			if test.kept != (inside == test.sent) || !test.kept && !random.MatchString(inside) {
				t.Errorf("id %q for %q", inside, test.sent)
			}
		})
	}
	if id := telemetry.RequestID(t.Context()); id != "" {
		t.Errorf("id %q outside of a request", id)
	}
}

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
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			h := telemetry.AccessLog(slog.New(slog.NewJSONHandler(&log, nil)))(test.handler)
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/a?token=secret", nil))
			var line map[string]any
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, log.String())
			}
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
	h := telemetry.AccessLog(slog.New(slog.NewTextHandler(&log, nil)))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
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
