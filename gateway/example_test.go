package gateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// A gateway seen from outside: each line is a request, and what became of it.
func ExampleGateway() {
	// The upstream: it knows one vendor.
	upstream := &backend{get: func(_ context.Context, call int) (*vendorv2.GetVendorResponse, error) {
		if call > 1 {
			return nil, status.Error(codes.Unavailable, "down")
		}
		return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Id: "7"}}, nil
	}}
	handler, token := exampleGateway(upstream, policy.Method{
		Timeout: &policy.Timeout{Duration: 5 * time.Second},
		Retry:   retryPolicy(2),
		CircuitBreaker: &policy.CircuitBreaker{
			ErrorThresholdPercent: 50, Window: time.Minute, MinimumCalls: 3, OpenDuration: time.Hour, HalfOpenCalls: 1,
			FailureStatusCodes: []codes.Code{codes.Unavailable},
		},
		RateLimits: []policy.RateLimit{limit(7, policy.KeyClientIP)},
		Auth:       &policy.Auth{Requirement: policy.AuthRequired},
		Version:    &policy.Version{Deprecated: time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)},
		Cache:      &policy.Cache{TTL: time.Hour, KeyFields: []string{"id"}},
	})
	ask := func(what, path, bearer string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if bearer != "" {
			r.Header.Set("Authorization", "Bearer "+bearer)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		cached, _, _ := strings.Cut(w.Header().Get("Cache-Status"), ";")
		if strings.Contains(w.Header().Get("Cache-Status"), "; hit") {
			cached += " hit"
		}
		fmt.Printf("%-18s %d %s, upstream called %d times\n", what, w.Code, strings.TrimSpace(cached+" "+answer{body: w.Body.String()}.reason()), upstream.called())
	}
	ask("no token", "/v2/vendors/7", "")
	ask("first", "/v2/vendors/7", token)
	ask("second", "/v2/vendors/7", token)
	ask("second, no token", "/v2/vendors/7", "")
	ask("breaks a rule", "/v2/vendors/"+strings.Repeat("x", 65), token)
	ask("upstream is down", "/v2/vendors/8", token)
	ask("breaker is open", "/v2/vendors/8", token)
	ask("over the limit", "/v2/vendors/7", token)
	// Output:
	// no token           401 CREDENTIALS_MISSING, upstream called 0 times
	// first              200 venta, upstream called 1 times
	// second             200 venta hit, upstream called 1 times
	// second, no token   401 CREDENTIALS_MISSING, upstream called 1 times
	// breaks a rule      400 venta INVALID_REQUEST, upstream called 1 times
	// upstream is down   503 venta UPSTREAM_UNAVAILABLE, upstream called 3 times
	// breaker is open    503 venta CIRCUIT_OPEN, upstream called 3 times
	// over the limit     429 RATE_LIMITED, upstream called 3 times
}

// exampleGateway is what a main does: keys, a gateway, a registration.
func exampleGateway(upstream vendorv2.VendorServiceServer, p policy.Method) (http.Handler, string) {
	dir, err := os.MkdirTemp("", "venta")
	must(err)
	defer os.RemoveAll(dir)
	keys, err := devkeys.Open(dir)
	must(err)
	token, err := keys.Sign(devkeys.Claims{Subject: "ada", TTL: time.Hour})
	must(err)
	verifier, err := auth.NewJWT(auth.JWTOptions{Keys: keys.Public(), Issuer: devkeys.Issuer, Audience: devkeys.Audience})
	must(err)
	gw, err := gateway.New(gateway.Options{Verifier: verifier, Logger: slog.New(slog.DiscardHandler)})
	must(err)
	conn := gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, upstream)
	must(gw.Register(service(p), conn))
	return gw.Handler(), token
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
