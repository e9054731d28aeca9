package gateway_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// shadows returns what venta.policy.shadow has counted, as "policy would".
func shadows(t *testing.T, reader sdkmetric.Reader) []string {
	t.Helper()
	var read metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &read); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, scope := range read.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "venta.policy.shadow" {
				continue
			}
			for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
				name, _ := p.Attributes.Value(attribute.Key("venta.policy.name"))
				would, _ := p.Attributes.Value(attribute.Key("venta.policy.would"))
				found = append(found, name.AsString()+" "+would.AsString())
			}
		}
	}
	slices.Sort(found)
	return found
}

// TestShadowEnforcesNothing drives each policy over its edge in shadow mode: the
// client sees what it would see without, and the metric says what was spared.
func TestShadowEnforcesNothing(t *testing.T) {
	const requests = 3
	shadowLimit := limit(1, policy.KeyGlobal)
	shadowLimit.Shadow = true
	breaker := *breakerPolicy(1)
	breaker.Shadow = true
	retried := *retryPolicy(2)
	retried.Shadow = true
	unavailable := fail(codes.Unavailable, "down")
	slow := func(context.Context, int) (*vendorv2.GetVendorResponse, error) {
		for began := time.Now(); time.Since(began) < 2*time.Millisecond; {
			continue // work
		}
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Name: "Ada"}}, nil
	}
	tests := []struct {
		name   string
		policy policy.Method
		get    func(context.Context, int) (*vendorv2.GetVendorResponse, error)
		status int
		want   string
	}{
		{"timeout", policy.Method{Timeout: &policy.Timeout{Duration: time.Millisecond, Shadow: true}}, slow, 200, "timeout exceed"},
		{"retry", policy.Method{Retry: &retried}, unavailable, 503, "retry retry"},
		{"breaker", policy.Method{CircuitBreaker: &breaker}, unavailable, 503, "circuit_breaker refuse"},
		{"rate limit", policy.Method{RateLimits: []policy.RateLimit{shadowLimit}}, nil, 200, "rate_limits refuse"},
		{"auth", policy.Method{Auth: &policy.Auth{Requirement: policy.AuthRequired, Shadow: true}}, nil, 200, "auth unauthenticated"},
		{"cache", policy.Method{Cache: &policy.Cache{TTL: time.Minute, KeyFields: []string{"id"}, Tags: []string{"vendor:{id}"}, Shadow: true}}, nil, 200, "cache hit"},
		{"version", policy.Method{Version: &policy.Version{
			Deprecated: time.Unix(1, 0), Sunset: time.Unix(2, 0), AfterSunset: policy.GoneAfterSunset, Shadow: true,
		}}, nil, 200, "version gone"},
		{"limits", policy.Method{Limits: &policy.Limits{MaxResponseBytes: 1, Shadow: true}}, nil, 200, "limits response"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			reader := sdkmetric.NewManualReader()
			b := &backend{get: test.get}
			s := start(t, b, test.policy, gateway.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
			for range requests {
				got := s.do(t, "GET", "/v2/vendors/7")
				if got.status != test.status || got.reason() == "CIRCUIT_OPEN" {
					t.Errorf("%d %s", got.status, got.body)
				}
				for _, name := range []string{"Cache-Status", "Age", "Etag", "Deprecation", "Sunset", "Ratelimit", "Www-Authenticate"} {
					if got.header.Get(name) != "" {
						t.Errorf("the client sees %s: %s", name, got.header.Get(name))
					}
				}
			}
			if b.called() != requests {
				t.Errorf("%d calls, want %d", b.called(), requests)
			}
			if got := shadows(t, reader); !slices.Contains(got, test.want) {
				t.Errorf("counted %q, want %q among them", got, test.want)
			}
		})
	}
}

func TestShadowOfConcurrencyAdmitsAll(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	b, came, letGo := blocked()
	s := start(t, b, policy.Method{Concurrency: &policy.Concurrency{MaxInFlight: 1, Shadow: true}},
		gateway.Options{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	first := make(chan answer)
	go func() { first <- s.do(t, "GET", "/v2/vendors/7") }()
	<-came
	if got := s.do(t, "GET", "/v2/vendors/7"); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	letGo()
	<-first
	if got := shadows(t, reader); strings.Join(got, ",") != "concurrency shed" {
		t.Errorf("counted %q", got)
	}
}
