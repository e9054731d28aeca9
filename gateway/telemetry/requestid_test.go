package telemetry_test

import (
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
			h := telemetry.Middleware(telemetry.Options{})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
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

func TestRequestIDsDiffer(t *testing.T) {
	h := telemetry.Middleware(telemetry.Options{})(http.NotFoundHandler())
	seen := map[string]bool{}
	for range 100 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		seen[w.Header().Get(telemetry.RequestIDHeader)] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d ids for 100 requests", len(seen))
	}
}

// A handler that adds to the header must not write into the request's memory.
func TestRequestIDHeaderCanBeAddedTo(t *testing.T) {
	h := telemetry.Middleware(telemetry.Options{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add(telemetry.RequestIDHeader, "second")
		if id := telemetry.RequestID(r.Context()); id != "first" {
			t.Errorf("id %q", id)
		}
	}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set(telemetry.RequestIDHeader, "first")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Values(telemetry.RequestIDHeader); len(got) != 2 || got[0] != "first" || got[1] != "second" {
		t.Errorf("header %q", got)
	}
}

func TestNilRequest(t *testing.T) {
	request := telemetry.FromContext(t.Context())
	request.SetRoute(telemetry.NewRoute("/", "")) // must not panic
	if request != nil || request.ID() != "" {
		t.Errorf("a request outside of the middleware: %q", request.ID())
	}
}
