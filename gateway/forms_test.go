package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// TestForms holds which routes a posted form reaches.
func TestForms(t *testing.T) {
	const override = "X-HTTP-Method-Override"
	off := func(options ...runtime.ServeMuxOption) gateway.Options { return gateway.Options{MuxOptions: options} }
	tests := []struct {
		name    string
		options gateway.Options
		form    string
		header  []string
		status  int
		called  int
	}{
		{"GET by a form", gateway.Options{}, "", nil, 200, 1},
		{"with a character set", gateway.Options{}, "", []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, 200, 1},
		{"unknown field", gateway.Options{}, "nosuch=1", nil, 400, 0},
		{"unknown field ignored", gateway.Options{IgnoreUnknownQuery: true}, "nosuch=1", nil, 200, 1},
		{"malformed", gateway.Options{}, "id=%zz", nil, 400, 0},
		{"too large", gateway.Options{MaxRequestBytes: 10}, "nosuch=" + strings.Repeat("a", 20), nil, 413, 0},
		{"no form", gateway.Options{}, "", []string{"Content-Type", "text/plain"}, 405, 0},
		{"fallback off", off(runtime.WithDisablePathLengthFallback()), "", nil, 405, 0},
		{"override", gateway.Options{}, "", []string{override, "get"}, 200, 1},
		{"override by a method that is not there", gateway.Options{}, "", []string{override, "PUT"}, 405, 0},
		{"override off, fallback on", off(runtime.WithDisableHTTPMethodOverride()), "", []string{override, "PUT"}, 200, 1},
		{"override of no form", gateway.Options{}, "", []string{override, "GET", "Content-Type", "text/plain"}, 405, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := &backend{get: func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
				return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Id: "7"}}, nil
			}}
			s := start(t, b, policy.Method{}, test.options)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/v2/vendors/7", strings.NewReader(test.form))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for i := 0; i+1 < len(test.header); i += 2 {
				request.Header.Set(test.header[i], test.header[i+1])
			}
			answer, err := s.Client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != test.status || b.called() != test.called {
				t.Errorf("status %d after %d calls, want %d after %d", answer.StatusCode, b.called(), test.status, test.called)
			}
		})
	}
}

// TestMuxOptionsRefused holds that options about a mux's own routing do not lose
// their effect in silence.
func TestMuxOptionsRefused(t *testing.T) {
	for name, option := range map[string]runtime.ServeMuxOption{
		"WithMiddlewares":    runtime.WithMiddlewares(func(next runtime.HandlerFunc) runtime.HandlerFunc { return next }),
		"WithUnescapingMode": runtime.WithUnescapingMode(runtime.UnescapingModeAllCharacters),
	} {
		_, err := gateway.New(gateway.Options{MuxOptions: []runtime.ServeMuxOption{option}})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

type serving struct{ grpc_health_v1.HealthClient }

func (serving) Check(context.Context, *grpc_health_v1.HealthCheckRequest, ...grpc.CallOption) (*grpc_health_v1.HealthCheckResponse, error) {
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

// TestMuxRoutes holds that routes which a mux option adds are served, and that
// what has no route at all is refused by the gateway.
func TestMuxRoutes(t *testing.T) {
	gw, err := gateway.New(gateway.Options{MuxOptions: []runtime.ServeMuxOption{runtime.WithHealthzEndpoint(serving{})}})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]struct {
		status int
		body   string
	}{
		"GET /healthz":  {200, "SERVING"},
		"POST /healthz": {405, "METHOD_NOT_ALLOWED"},
		"GET /nosuch":   {404, "ROUTE_NOT_FOUND"},
	} {
		method, path, _ := strings.Cut(target, " ")
		w := httptest.NewRecorder()
		gw.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.body) {
			t.Errorf("%s: status %d: %s", target, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/x", nil)
	r.URL = &url.URL{Path: "*"}
	if gw.Handler().ServeHTTP(w, r); w.Code != http.StatusBadRequest {
		t.Errorf("a path that is not absolute: status %d", w.Code)
	}
}
