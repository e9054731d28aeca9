package gateway_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// crossOrigin returns what a gateway responds to a browser's script, with a
// preflight where fields are named.
func crossOrigin(t *testing.T, gw *gateway.Gateway) func(origin string, fields ...string) http.Header {
	t.Helper()
	handler := gw.Handler()
	return func(origin string, fields ...string) http.Header {
		r := httptest.NewRequest(http.MethodGet, vendor7, nil)
		r.Header["Origin"] = []string{origin}
		if len(fields) > 0 {
			r.Method = http.MethodOptions
			r.Header.Set("Access-Control-Request-Method", "GET")
			r.Header.Set("Access-Control-Request-Headers", strings.Join(fields, ","))
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result().Header
	}
}

func newCrossOrigin(t *testing.T, get policy.Method, o gateway.Options) *gateway.Gateway {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	gw, err := gateway.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gw.Close() })
	if err := gw.Register(service(get), &scripted{}); err != nil {
		t.Fatal(err)
	}
	return gw
}

func TestOrigins(t *testing.T) {
	allowed := []string{"https://good.example", "http://good.example:8080", "https://xn--bcher-kva.example", "http://[::1]:3000", "app://shop"}
	ask := crossOrigin(t, newCrossOrigin(t, policy.Method{}, gateway.Options{Settings: gateway.Settings{AllowedOrigins: allowed}}))
	for _, origin := range allowed {
		for _, h := range []http.Header{ask(origin), ask(origin, "authorization")} {
			if h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Credentials") != "true" || !strings.Contains(h.Get("Vary"), "Origin") {
				t.Errorf("%s: %v", origin, h)
			}
		}
	}
	for _, origin := range []string{
		"", "null", "*", "https://*", "https://evil.example", "http://good.example", "https://good.example:443", "https://good.example:8443",
		"https://GOOD.example", "HTTPS://good.example", "https://good.example.", "https://good.example/", "https://good.example#", "https://good.example?",
		"https://good.example.evil.example", "https://good.examples", "https://evilgood.example", "https://evil.good.example", "https://good.example@evil.example",
		"https://evil.example#good.example", "https://good.example https://evil.example", " https://good.example", "https://good.example%00.evil.example",
		"https://b\u00fccher.example", "https://good\u3002example", "http://[::1]", "http://[::1]:30000", "app://shop2", "https://good.example\thttps://evil.example",
	} {
		for _, h := range []http.Header{ask(origin), ask(origin, "authorization")} {
			for name := range h {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%q gets %s: %q", origin, name, h.Get(name))
				}
			}
		}
	}
}

func TestOriginsThatNoBrowserSendsAreRefused(t *testing.T) {
	for _, origin := range []string{
		"*", "null", "https://*", "https://good.example*", "https://*.good.example", "*://good.example", "https://good.example:*",
		"https://good.example/", "https://good.example/a", "https://user@good.example", "https://good.example?", "https://good.example#",
		"https://Good.example", "HTTPS://good.example", "https://good.example:443", "http://good.example:80", "https://good.example:0",
		"https://b\u00fccher.example", "https://good.example https://evil.example", "https://", "good.example", "", "https://good.example\n",
	} {
		if err := (gateway.Settings{AllowedOrigins: []string{origin}}).Validate(); err == nil {
			t.Errorf("%q is taken", origin)
		}
	}
	for _, s := range []gateway.Settings{
		{AnyOrigin: true, AllowedOrigins: []string{"https://good.example"}},
		{AllowedHeaders: []string{"*"}},
		{ExposedHeaders: []string{"a b"}},
	} {
		if err := s.Validate(); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
}

// A public API may be called from everywhere, and never with what the browser
// itself knows of its user.
func TestAnyOrigin(t *testing.T) {
	ask := crossOrigin(t, newCrossOrigin(t, policy.Method{}, gateway.Options{Settings: gateway.Settings{AnyOrigin: true}}))
	for _, origin := range []string{"https://evil.example", "null"} {
		for _, h := range []http.Header{ask(origin), ask(origin, "authorization")} {
			if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: %v", origin, h)
			}
		}
	}
}

// What the gateway and the policies in force read, scripts may send, and nothing
// else.
func TestPreflightKnowsWhatPoliciesRead(t *testing.T) {
	const origin = "https://good.example"
	settings := gateway.Settings{AllowedOrigins: []string{origin}, AllowedHeaders: []string{"X-Mine"}, ExposedHeaders: []string{"X-Own"}}
	byTenant := limit(100, policy.KeyHeader)
	byTenant.Name, byTenant.Key.Header = "tenant", "X-Tenant"
	keyed := policy.Method{
		RateLimits: []policy.RateLimit{limit(1000, policy.KeyClientIP), byTenant},
		Cache:      &policy.Cache{TTL: time.Minute, Audience: policy.AudiencePublic, VaryHeaders: []string{"X-Shop"}},
		Forward:    &policy.Forward{Headers: []string{"X-Plan"}},
	}
	gw := newCrossOrigin(t, keyed, gateway.Options{Settings: settings, APIKeys: &auth.APIKeys{}, ForwardHeaders: []string{"X-Team"}})
	ask := crossOrigin(t, gw)
	passes := func(field string) bool { return ask(origin, field).Get("Access-Control-Allow-Headers") == field }
	for _, field := range []string{"x-tenant", "x-shop", "x-api-key", "traceparent", "tracestate", "x-mine", "x-plan", "x-team", "if-match", "if-none-match", "authorization", "content-type"} {
		if !passes(field) {
			t.Errorf("%s does not pass", field)
		}
	}
	for _, field := range []string{"idempotency-key", "x-else", "*", "x-region"} {
		if passes(field) {
			t.Errorf("%s passes", field)
		}
	}
	if exposed := ask(origin).Get("Access-Control-Expose-Headers"); !strings.Contains(exposed, "X-Own") || !strings.Contains(exposed, "Ratelimit-Remaining") {
		t.Errorf("exposed: %s", exposed)
	}
	override := gateway.Override{Methods: "venta.vendor.v2.VendorService/GetVendor", Policy: &policyv1.Policy{Cache: &policyv1.Cache{
		Ttl: new("1m"), Audience: policyv1.Cache_AUDIENCE_PUBLIC.Enum(), VaryHeaders: []string{"X-Region"},
	}}}
	if err := gw.Override([]gateway.Override{override}); err != nil {
		t.Fatal(err)
	}
	if !passes("x-region") || passes("x-shop") {
		t.Error("the preflight knows the policy before the override")
	}
	if err := gw.Reconfigure(settings); err != nil || !passes("x-region") {
		t.Errorf("new settings have forgotten what policies read: %v", err)
	}
}
