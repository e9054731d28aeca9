package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/telemetry"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// callersOf writes who has called what is deprecated.
func callersOf(g *gateway.Gateway) string {
	var all []string
	for _, one := range g.Callers().Seen().Calls {
		name := one.Name
		if len(name) == 22 {
			name = "HASH"
		}
		all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s %s %s", one.Requests, one.Kind, name, one.UserAgent)))
	}
	return strings.Join(all, "; ")
}

// TestCallersOfWhatIsDeprecated holds whom a request counts for: also where the
// version is refused (requestCallers before requestVersion), and by its principal
// (requestCaller behind requestAuth).
func TestCallersOfWhatIsDeprecated(t *testing.T) {
	named := gateway.Settings{AccessLog: telemetry.AccessOptions{Principal: telemetry.PrincipalClear}}
	nameless := gateway.Settings{AccessLog: telemetry.AccessOptions{Principal: telemetry.PrincipalNone}}
	deprecated := &policy.Version{Deprecated: time.Unix(1, 0)}
	ended := &policy.Version{Deprecated: time.Unix(1, 0), Sunset: time.Unix(2, 0), AfterSunset: policy.GoneAfterSunset}
	shadow := &policy.Version{Deprecated: time.Unix(1, 0), Shadow: true}
	required := &policy.Auth{Requirement: policy.AuthRequired}
	tests := []struct {
		name     string
		policy   policy.Method
		settings gateway.Settings
		token    string
		want     string
	}{
		{"not deprecated", policy.Method{}, named, "", ""},
		{"a version that is not", policy.Method{Version: &policy.Version{Link: "https://shop.example"}}, named, "", ""},
		{"nobody known", policy.Method{Version: deprecated}, named, "", "2 user_agent app/1"},
		{"somebody known", policy.Method{Version: deprecated, Auth: required}, named, "Bearer ada", "2 principal ada app/1"},
		{"by hash", policy.Method{Version: deprecated, Auth: required}, gateway.Settings{}, "Bearer ada", "2 principal HASH app/1"},
		{"nobody is named", policy.Method{Version: deprecated, Auth: required}, nameless, "Bearer ada", "2 user_agent app/1"},
		{"wrong credentials", policy.Method{Version: deprecated, Auth: required}, named, "Bearer guess", "2 user_agent app/1"},
		{"ended", policy.Method{Version: ended, Auth: required}, named, "Bearer ada", "2 user_agent app/1"},
		{"in shadow", policy.Method{Version: shadow}, named, "", "2 user_agent app/1"},
		{"a limit by connection", policy.Method{Version: deprecated, RateLimits: []policy.RateLimit{limit(1, policy.KeyGlobal)}}, named, "", "2 user_agent app/1"},
	}
	for _, test := range tests {
		for _, stock := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", drop-in"}[stock], func(t *testing.T) {
				gw, err := gateway.New(gateway.Options{Verifier: tokens{}, Settings: test.settings})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = gw.Close() })
				conn := gatewaytest.Dial(t, func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, &backend{}) })
				mux := runtime.NewServeMux()
				h := http.Handler(mux)
				if stock {
					err = gateway.RegisterOnMux(gateway.NewContext(t.Context(), gw), mux, service(test.policy), conn)
				} else if err = gw.Register(service(test.policy), conn); err == nil {
					h = gw.Handler()
				}
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					r := httptest.NewRequest(http.MethodGet, vendor7, nil)
					r.Header.Set("User-Agent", "app/1 (phone)")
					if test.token != "" {
						r.Header.Set("Authorization", test.token)
					}
					h.ServeHTTP(httptest.NewRecorder(), r)
				}
				if got := callersOf(gw); got != test.want {
					t.Errorf("%q, want %q", got, test.want)
				}
			})
		}
	}
}

// TestCallersOfStreamsCountAtOnce holds that a stream which lasts for days is known
// from its beginning, and counts once.
func TestCallersOfStreamsCountAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gw, err := gateway.New(gateway.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer gw.Close()
		streams := &scripted{stream: func(ctx context.Context, _ int64) scriptedStream {
			return scriptedStream{messages: 1, end: func() error { return waits(ctx, 24*time.Hour, io.EOF) }}
		}}
		p := policy.Method{Version: &policy.Version{Deprecated: time.Unix(1, 0)}, Timeout: &policy.Timeout{Idle: time.Hour, Shadow: true}}
		if err := gw.Register(watching(p), streams); err != nil {
			t.Fatal(err)
		}
		done := ordered{Handler: gw.Handler()}.meanwhile(http.MethodGet, "/v1/watch")
		if got := callersOf(gw); got != "1 unknown" {
			t.Errorf("while it lasts: %q", got)
		}
		done()
		if got := callersOf(gw); got != "1 unknown" {
			t.Errorf("behind its end: %q", got)
		}
	})
}
