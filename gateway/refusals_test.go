package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/timeout"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// TestRefusalsAreRemembered drives refusals of each kind through the real stack, of a
// gateway and of a grpc-gateway mux behind telemetry's middleware.
func TestRefusalsAreRemembered(t *testing.T) {
	down := func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		return nil, status.Error(codes.Unavailable, "down")
	}
	shadowed := limit(1, policy.KeyGlobal)
	shadowed.Name, shadowed.Shadow = "tried", true
	gone := policy.Version{Deprecated: time.Unix(1, 0), Sunset: time.Unix(2, 0), AfterSunset: policy.GoneAfterSunset}
	goneInShadow := gone
	goneInShadow.Shadow = true
	breaker := *breakerPolicy(1)
	breaker.Shadow = true
	required := &policy.Auth{Requirement: policy.AuthRequired}
	tests := []struct {
		name     string
		policy   policy.Method
		get      func(context.Context, int) (*vendorv2.GetVendorResponse, error)
		path     string
		requests int
		want     string // method, route, status, policy, reason, limit, would
		dropIn   string // where it differs
	}{
		{name: "a limit", policy: policy.Method{RateLimits: []policy.RateLimit{limit(1, policy.KeyGlobal)}}, requests: 2, want: "429 rate_limits RATE_LIMITED l "},
		{name: "a limit in shadow", policy: policy.Method{RateLimits: []policy.RateLimit{shadowed}}, requests: 2, want: "200 rate_limits RATE_LIMITED tried refuse"},
		{name: "credentials", policy: policy.Method{Auth: required}, requests: 1, want: "401 auth CREDENTIALS_MISSING  "},
		{name: "credentials in shadow", policy: policy.Method{Auth: &policy.Auth{Requirement: policy.AuthRequired, Shadow: true}}, requests: 1, want: "200 auth   unauthenticated"},
		{name: "an open breaker", policy: policy.Method{CircuitBreaker: breakerPolicy(1)}, get: down, requests: 2, want: "503 circuit_breaker CIRCUIT_OPEN  "},
		{name: "an open breaker in shadow", policy: policy.Method{CircuitBreaker: &breaker}, get: down, requests: 2, want: "503 circuit_breaker CIRCUIT_OPEN  refuse"},
		{name: "a version", policy: policy.Method{Version: &gone}, requests: 1, want: "410 version VERSION_GONE  "},
		{name: "a version in shadow", policy: policy.Method{Version: &goneInShadow}, requests: 1, want: "200 version VERSION_GONE  gone"},
		{name: "no route", path: "/nowhere", requests: 1, want: "404  ROUTE_NOT_FOUND  ", dropIn: "none"}, // the mux's own answer
		{name: "nothing", requests: 1, want: "none"},
		{name: "an upstream's error", get: down, requests: 1, want: "none"},
	}
	for _, test := range tests {
		for _, stock := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", drop-in"}[stock], func(t *testing.T) {
				refusals, b := telemetry.NewRefusals(), &backend{get: test.get}
				conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, b) })
				h := http.Handler(stacked(t, service(test.policy), conn, gateway.Options{Verifier: nobody{}, Refusals: refusals}))
				want := test.want
				if stock {
					h = muxed(t, service(test.policy), conn, telemetry.Options{Refusals: refusals})
					if test.dropIn != "" {
						want = test.dropIn
					}
				}
				path, route := test.path, "  "
				if path == "" {
					path, route = vendor7, "venta.vendor.v2.VendorService/GetVendor GET /v2/vendors/{id} "
				}
				var id string
				for range test.requests {
					w := httptest.NewRecorder()
					h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
					id = w.Header().Get("X-Request-Id")
				}
				if want != "none" {
					want = route + want + " " + id
				}
				if got := lastRefusal(refusals); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			})
		}
	}
}

// muxed serves a service on a grpc-gateway mux.
func muxed(t *testing.T, s gateway.Service, conn grpc.ClientConnInterface, o telemetry.Options) http.Handler {
	t.Helper()
	gw, err := gateway.New(gateway.Options{Verifier: nobody{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gw.Close() })
	mux := runtime.NewServeMux()
	if err := gateway.RegisterOnMux(gateway.NewContext(t.Context(), gw), mux, s, conn); err != nil {
		t.Fatal(err)
	}
	return telemetry.Middleware(o)(mux)
}

func lastRefusal(of *telemetry.Refusals) string {
	all, _ := of.Last(1, nil)
	if len(all) == 0 {
		return "none"
	}
	one := all[0]
	return fmt.Sprintf("%s %s %d %s %s %s %s %s", one.Method, one.Route, one.Status, one.Policy, one.Reason, one.Limit, one.Would, one.RequestID)
}

// TestRefusedStreamsAreRemembered holds it of a stream that has begun, whose status
// says that all was well.
func TestRefusedStreamsAreRemembered(t *testing.T) {
	for would, idle := range map[string]policy.Timeout{"": {Idle: time.Second}, timeout.WouldIdle: {Idle: time.Second, Shadow: true}} {
		synctest.Test(t, func(t *testing.T) {
			refusals := telemetry.NewRefusals()
			streams := &scripted{stream: func(ctx context.Context, _ int64) scriptedStream {
				return scriptedStream{messages: 1, end: func() error { return waits(ctx, time.Minute, io.EOF) }}
			}}
			s := stacked(t, watching(policy.Method{Timeout: &idle}), streams, gateway.Options{Refusals: refusals})
			s.do(http.MethodGet, "/v1/watch")
			all, _ := refusals.Last(1, nil)
			if len(all) != 1 || all[0].Policy != "timeout" || all[0].Reason != string(timeout.StreamIdle) || all[0].Would != would || all[0].Status != http.StatusOK {
				t.Errorf("%q: %+v", would, all)
			}
		})
	}
}
