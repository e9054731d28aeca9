package gateway_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/telemetry/export"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// anybody takes each token for its subject's.
type anybody struct{}

func (anybody) Verify(_ context.Context, token string) (*auth.Principal, error) {
	p := auth.NewPrincipal(token, nil, nil)
	return &p, nil
}

// colourful is a service whose errors are as different as its requests.
type colourful struct {
	vendorv2.UnimplementedVendorServiceServer
}

func (colourful) GetVendor(_ context.Context, r *vendorv2.GetVendorRequest) (*vendorv2.GetVendorResponse, error) {
	n, _ := strconv.Atoi(strings.TrimLeft(r.GetId(), "v"))
	switch n % 6 {
	case 0:
		return nil, status.Error(codes.Code(1+n/6%16), "no "+r.GetId())
	case 3: // a code that gRPC does not know
		return nil, status.Error(codes.Code(n), "no "+r.GetId())
	}
	return &vendorv2.GetVendorResponse{Vendor: &vendorv2.Vendor{Id: r.GetId()}}, nil
}

// watchedPolicy has each block that measures something of a reading RPC.
func watchedPolicy() policy.Method {
	limit := func(name string, key policy.RateLimitKey) policy.RateLimit {
		return policy.RateLimit{Name: name, Requests: 1e6, Interval: time.Hour, Burst: 1e6, Key: key, Cost: policy.RateLimitCost{Units: 1}}
	}
	return policy.Method{
		Timeout: &policy.Timeout{Duration: time.Minute},
		Auth:    &policy.Auth{Requirement: policy.AuthOptional, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}},
		RateLimits: []policy.RateLimit{
			limit("caller", policy.RateLimitKey{Source: policy.KeyPrincipal}),
			limit("tenant", policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Tenant"}),
			limit("address", policy.RateLimitKey{Source: policy.KeyClientIP}),
			limit("vendor", policy.RateLimitKey{Source: policy.KeyField, Field: "id"}),
		},
		Cache: &policy.Cache{
			TTL: time.Hour, StaleIfError: time.Hour, NegativeTTL: time.Minute, VaryHeaders: []string{"Accept-Language"},
			Audience: policy.AudiencePrincipal, Tags: []string{"vendor:{id}"},
		},
		Retry: &policy.Retry{
			MaxAttempts: 2, InitialBackoff: time.Microsecond, MaxBackoff: time.Microsecond, BackoffMultiplier: 1,
			RetryableStatusCodes: []codes.Code{codes.Unavailable}, Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 1000},
		},
		CircuitBreaker: &policy.CircuitBreaker{
			ErrorThresholdPercent: 100, Window: time.Minute, MinimumCalls: 1000, OpenDuration: time.Second, HalfOpenCalls: 1,
			FailureStatusCodes: []codes.Code{codes.Unavailable},
		},
		Concurrency: &policy.Concurrency{MaxInFlight: 100, MaxQueue: 100, Criticality: policy.CriticalityDefault},
		Objective:   &policy.Objective{Latency: time.Second, Percentile: 95, ErrorPercent: 1, Window: policy.DefaultObjectiveWindow},
	}
}

// distinct is the nth request: everything that a client chooses is in no other.
func distinct(n int) *http.Request {
	id := strconv.Itoa(n)
	paths := []string{"/v2/vendors/v" + id, "/v2/vendors/v" + id, "/v2/vendors/v" + id + "?q" + id + "=" + id, "/" + id + "/nowhere", "/v2/vendors/v" + id + "/x"}
	methods := []string{http.MethodGet, http.MethodGet, http.MethodGet, "M" + id, http.MethodDelete, http.MethodOptions, http.MethodHead}
	var body io.Reader
	if n%5 == 0 {
		body = strings.NewReader(`{"a":"` + id + `"}`)
	}
	r := httptest.NewRequest(methods[n%len(methods)], paths[n/len(methods)%len(paths)], body)
	r.Host = "h" + id + ".example"
	r.RemoteAddr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), uint16(1+n%60000)).String()
	if n%3 == 0 {
		r.RemoteAddr = "127.0.0.1:" + strconv.Itoa(1+n%60000) // a proxy that is trusted
	}
	if n%11 == 0 {
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	}
	for name, value := range map[string]string{
		"User-Agent": "agent/" + id, "X-Forwarded-For": fmt.Sprintf("192.0.2.1, 2001:db8:%x:%x::1", n>>16, n&0xffff), "X-Forwarded-Host": "f" + id,
		"Forwarded": "for=a" + id, "Traceparent": fmt.Sprintf("00-%032x-%016x-01", n+1, n+1), "Tracestate": "k" + id + "=v", "Baggage": "k=" + id,
		"X-Request-Id": "r" + id, "Accept": "application/json;v=" + id, "Accept-Language": "x-" + id, "Accept-Encoding": "e" + id + ", gzip",
		"Content-Type": "application/json; v=" + id, "Grpc-Timeout": strconv.Itoa(1+n%1e6) + "S", "Idempotency-Key": id, "Origin": "https://o" + id + ".example",
		"X-Tenant": "t" + id, "X-Goog-Api-Client": id, "If-None-Match": `"` + id + `"`, "Referer": "https://r.example/" + id, "Cookie": "c=" + id,
		"Access-Control-Request-Method": "M" + id, "Grpc-Metadata-X" + id: id, "X-" + id: id,
	} {
		r.Header.Set(name, value)
	}
	switch n % 13 {
	case 0:
		r.Header.Set("X-Api-Key", "vk_"+id)
	case 1:
	case 2:
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-Websocket-Version", "13")
		r.Header.Set("Sec-Websocket-Key", id)
		r.Header.Set("Sec-Websocket-Protocol", "p"+id)
	default:
		r.Header.Set("Authorization", "Bearer s"+id)
	}
	return r
}

// unheard is a response that nobody reads.
type unheard struct{ header http.Header }

func (d unheard) Header() http.Header         { return d.header }
func (d unheard) Write(p []byte) (int, error) { return len(p), nil }
func (d unheard) WriteHeader(int)             {}

// seriesOf counts the series of each metric.
func seriesOf(t *testing.T, gather func() ([]*dto.MetricFamily, error)) (byName map[string]int, all int) {
	t.Helper()
	families, err := gather()
	if err != nil {
		t.Fatal(err)
	}
	byName = map[string]int{}
	for _, family := range families {
		if name := family.GetName(); !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			byName[name] = len(family.GetMetric())
			all += len(family.GetMetric())
		}
	}
	return byName, all
}

// TestClientsMakeNoSeries sends requests that differ in everything that a client and a
// service choose, through all of a gateway. `make series` sends a million.
func TestClientsMakeNoSeries(t *testing.T) {
	t.Parallel()
	const warm = 7 * 5 * 13 * 11 * 3 // combinations of what distinct varies
	count := 20_000
	if given := os.Getenv("VENTA_TEST_REQUESTS"); given != "" {
		var err error
		if count, err = strconv.Atoi(given); err != nil {
			t.Fatal(err)
		}
	}
	providers, err := export.Start(t.Context(), export.Config{
		ServiceName: "shop", Prometheus: true, OTLPEndpoint: "127.0.0.1:9", SampleRatio: 0.001, SampleRatioGiven: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, end := context.WithCancel(context.Background())
		end()
		_ = providers.Shutdown(ended) // nobody takes its spans
	})
	s := gatewaytest.Start(t, gatewaytest.Options{
		Gateway: gateway.Options{
			Verifier: anybody{}, APIKeys: &auth.APIKeys{}, MeterProvider: providers.MeterProvider, TracerProvider: providers.TracerProvider,
			Propagator: providers.Propagator, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), //nolint:sloglint // its lines are made
			Settings: gateway.Settings{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, AnyOrigin: true},
		},
		Serve: func(r grpc.ServiceRegistrar) { vendorv2.RegisterVendorServiceServer(r, colourful{}) },
		Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(service(watchedPolicy()), conn)
		},
	})
	handler := s.Gateway.Handler()
	send := func(from, to int) {
		for n := from; n < to; n++ {
			handler.ServeHTTP(unheard{http.Header{}}, distinct(n))
		}
	}
	send(0, warm)
	before, known := seriesOf(t, providers.Gatherer.Gather)
	begin := time.Now()
	send(warm, warm+count)
	took := time.Since(begin)
	after, all := seriesOf(t, providers.Gatherer.Gather)
	for name, n := range after {
		if n != before[name] {
			t.Errorf("%s has %d series after %d requests, and had %d", name, n, count, before[name])
		}
	}
	if known < 50 || !maps.Equal(before, after) {
		t.Errorf("%d series, then %d", known, all)
	}
	var memory runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&memory)
	t.Logf("%d requests in %v, %d series, %d MiB of heap", count, took.Round(time.Millisecond), all, memory.HeapAlloc>>20)
}
