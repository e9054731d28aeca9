//go:build unix

package fleet

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/bench/internal/backend"
	"github.com/venta-hq/venta/bench/internal/fixture"
	"github.com/venta-hq/venta/bench/internal/subject"
	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// gateways are whole ones with a backend in this process: one object of the
// reference API, behind every policy.
func gateways(t testing.TB) []contest {
	keys, err := devkeys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	token, err := keys.Sign(devkeys.Claims{Subject: "ada", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	source := func() func(int) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/v2/vendors/"+fixture.ID, http.NoBody)
		r.Header.Set("Authorization", "Bearer "+token)
		return func(int) *http.Request { return r }
	}
	serving := func(mode subject.Mode) http.Handler {
		h, err := subject.NewHandler(subject.Options{
			Mode: mode, Keys: keys, Conn: gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, backend.New()),
		})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	return []contest{{load: "gateway: hit", clients: 1, requests: source, entrants: []entrant{
		{"net/http, the same bytes", serving(subject.Plain), isOK},
		{"grpc-gateway, no cache", serving(subject.Bare), isOK},
		{"venta, every policy", serving(subject.Cached), isGatewayHit},
	}}}
}

func isGatewayHit(w *httptest.ResponseRecorder) bool {
	return isOK(w) && strings.Contains(w.Header().Get("Cache-Status"), "; hit")
}
