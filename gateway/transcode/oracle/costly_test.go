package oracle_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	grpcgateway "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/venta-hq/venta/gateway"
)

// mostAllocated is what a request below may allocate in all, its call included: far
// from the 3.2 GB that the square of its depth came to.
const mostAllocated = 256 << 20

// TestCostlyRequests sends whole requests whose decoding would grow with the square
// of their depth: a mask of 0.9 MB that took 3.2 GB, an Any of 0.5 MB that took 21 s.
func TestCostlyRequests(t *testing.T) {
	nested := func(open, middle, end string, levels int) string {
		return strings.Repeat(open, levels) + middle + strings.Repeat(end, levels)
	}
	wide := func(levels, fields int) string { // each field's path is as long as the message is deep
		labels := make([]string, fields)
		for i := range labels {
			labels[i] = fmt.Sprintf(`"k%d":"a"`, i)
		}
		return `{"inner":` + nested(`{"inner":`, `{"labels":{`+strings.Join(labels, ",")+`}}`, `}`, levels) + `}`
	}
	const shallow = "a mask of a wide body" // which is what it seems
	const isAny = `{"@type":"type.googleapis.com/google.protobuf.Any","value":`
	const empty = `{"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}`
	requests := map[string]struct{ verb, path, body string }{
		"a mask of a deep body":   {"PATCH", "/v1/patch", `{"inner":` + nested(`{"inner":`, `{"name":"a"}`, `}`, 90_000) + `}`},
		shallow:                   {"PATCH", "/v1/patch", wide(90, 70_000)},
		"a struct":                {"POST", "/v1/bodies/struct", nested(`{"a":`, `1`, `}`, 150_000)},
		"a list":                  {"POST", "/v1/bodies/value", nested(`[`, `1`, `]`, 400_000)},
		"an Any":                  {"POST", "/v1/bodies/any", nested(isAny, empty, `}`, 8_000)},
		"an Any in a message":     {"POST", "/v1/bodies", `{"anAny":` + nested(isAny, empty, `}`, 8_000) + `}`},
		"a field's path, queried": {"GET", "/v1/text/a?" + strings.Repeat("inner.", 5_000) + "name=a", ""},
	}
	up := start(t)
	stockLike := grpcgateway.NewServeMux()
	if err := forms()[0].ours(t.Context(), stockLike, up); err != nil {
		t.Fatal(err)
	}
	handlers := map[string]http.Handler{
		"gateway": newGateway(t, up, gateway.Options{Logger: slog.New(slog.DiscardHandler)}),
		"drop-in": stockLike,
	}
	for place, handler := range handlers {
		for name, request := range requests {
			t.Run(place+"/"+name, func(t *testing.T) {
				r := httptest.NewRequest(request.verb, request.path, strings.NewReader(request.body))
				r.Header.Set("Content-Type", "application/json")
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				runtime.ReadMemStats(&after)
				served := w.Code == http.StatusOK && name == shallow
				if refused := w.Code == http.StatusBadRequest && strings.Contains(w.Body.String(), "nested"); !refused && !served {
					t.Errorf("%d %.200s", w.Code, w.Body)
				}
				if took := after.TotalAlloc - before.TotalAlloc; took > mostAllocated {
					t.Errorf("%d bytes of a request took %d", len(request.body), took)
				}
			})
		}
	}
}
