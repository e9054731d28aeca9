package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// TestBodiesAreCounted counts what was read and sent by RPC, whatever a header says of it.
func TestBodiesAreCounted(t *testing.T) {
	t.Parallel()
	m := newMeasured(t)
	route := telemetry.NewRoute("/v1/orders", "/shop.v1.OrderService/CreateOrder")
	handler := telemetry.Middleware(telemetry.Options{Metrics: m.Metrics})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/orders" {
			telemetry.FromContext(r.Context()).SetRoute(route)
		}
		_, _ = io.CopyN(io.Discard, r.Body, 1000)
		_, _ = io.WriteString(w, "four")
	}))
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodPost, "/v1/orders", strings.NewReader("seven b")),
		httptest.NewRequest(http.MethodPost, "/v1/orders", io.MultiReader(strings.NewReader("of no length"))),
		httptest.NewRequest(http.MethodPost, "/v1/orders", strings.NewReader(strings.Repeat("x", 2000))), // half of it is read
		httptest.NewRequest(http.MethodGet, "/nowhere", nil),
	} {
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	const rpc = "rpc.method=shop.v1.OrderService/CreateOrder"
	for name, want := range map[string]map[string]int64{
		"venta.request.body":  {rpc: 7 + 12 + 1000, "": 0},
		"venta.response.body": {rpc: 12, "": 4},
	} {
		if diff := cmp.Diff(want, m.read(t, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
