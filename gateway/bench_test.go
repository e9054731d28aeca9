package gateway_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// everyPolicy is what a careful author writes on a read.
func everyPolicy() policy.Method {
	return policy.Method{
		Timeout: &policy.Timeout{Duration: 5 * time.Second},
		Retry: &policy.Retry{
			MaxAttempts: 3, InitialBackoff: 50 * time.Millisecond, MaxBackoff: time.Second, BackoffMultiplier: 2,
			RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 20, MinPerSecond: 3},
		},
		CircuitBreaker: breakerPolicy(20),
		RateLimits:     []policy.RateLimit{limit(1e9, policy.KeyClientIP)},
		Auth:           required,
	}
}

// BenchmarkUnary is a read through the whole stack, without a network.
func BenchmarkUnary(b *testing.B) {
	cached := everyPolicy()
	cached.Cache = &policy.Cache{TTL: time.Hour, KeyFields: []string{"id"}}
	for _, mode := range []struct {
		name   string
		policy policy.Method
	}{{"no policy", policy.Method{}}, {"every policy", everyPolicy()}, {"cache hit", cached}} {
		b.Run(mode.name, func(b *testing.B) {
			handler, token := benchGateway(b, mode.policy)
			r := httptest.NewRequest(http.MethodGet, "/v2/vendors/7", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			b.ReportAllocs()
			for b.Loop() {
				w := &discard{header: http.Header{}}
				handler.ServeHTTP(w, r)
				if w.status != 0 && w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
}

func benchGateway(b *testing.B, p policy.Method) (http.Handler, string) {
	b.Helper()
	keys, err := devkeys.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	token, err := keys.Sign(devkeys.Claims{Subject: "ada", TTL: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	verifier, err := auth.NewJWT(auth.JWTOptions{Keys: keys.Public(), Issuer: devkeys.Issuer, Audience: devkeys.Audience})
	if err != nil {
		b.Fatal(err)
	}
	gw, err := gateway.New(gateway.Options{Verifier: verifier, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	if err := gw.Register(service(p), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{})); err != nil {
		b.Fatal(err)
	}
	return gw.Handler(), token
}

// discard is a client that reads and forgets.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
