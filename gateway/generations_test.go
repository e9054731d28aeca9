package gateway_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	grpcgateway "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/circuitbreaker"
	"github.com/venta-hq/venta/gateway/concurrency"
	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/retry"
	"github.com/venta-hq/venta/gateway/upstream"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// census counts what is alive of each kind of a gateway's state and stacks.
type census struct {
	t     *testing.T
	known map[string]bool // by address, as text
	alive map[string]*atomic.Int64
}

func newCensus(t *testing.T) *census {
	return &census{t: t, known: map[string]bool{}, alive: map[string]*atomic.Int64{}}
}

// count registers what the gateway has now and has not had before.
func (c *census) count(g *gateway.Gateway) {
	parts, stacks, settings, generation := g.State()
	for _, value := range append(append(parts, stacks...), settings, generation) {
		switch v := value.(type) {
		case *ratelimit.Limiter:
			register(c, "limiter", v)
		case *concurrency.Limiter:
			register(c, "concurrency", v)
		case *retry.Budget:
			register(c, "budget", v)
		case *circuitbreaker.Breaker:
			register(c, "breaker", v)
		case *upstream.Group:
			register(c, "group", v)
		case *assembly.Route:
			register(c, "stack", v)
		case *assembly.Live:
			register(c, "settings", v)
		case *assembly.Generation:
			register(c, "generation", v)
		default:
			c.t.Fatalf("%T is not counted", v)
		}
	}
}

func register[T any](c *census, kind string, v *T) {
	key := fmt.Sprintf("%s %p", kind, v)
	if c.known[key] {
		return
	}
	c.known[key] = true
	if c.alive[kind] == nil {
		c.alive[kind] = &atomic.Int64{}
	}
	alive := c.alive[kind]
	alive.Add(1)
	runtime.AddCleanup(v, func(string) { alive.Add(-1) }, key)
}

// expect waits until at most so many of a kind are alive.
func (c *census) expect(most map[string]int64) {
	c.t.Helper()
	for range 100 {
		runtime.GC()
		over := false
		for kind, alive := range c.alive {
			over = over || alive.Load() > most[kind]
		}
		if !over {
			break
		}
		runtime.Gosched()
	}
	for kind, alive := range c.alive {
		if n := alive.Load(); n > most[kind] {
			c.t.Errorf("%d of kind %s are alive, want at most %d", n, kind, most[kind])
		}
	}
}

// everything is an override of all that remembers, whose settings differ from n
// to n. Its timeout is short: Go keeps a timer that was stopped, with all that hangs
// on it, until its time may be over.
func everything(t *testing.T, n int, scope, more string) gateway.Override {
	t.Helper()
	text := fmt.Sprintf(`
		rate_limits: [
			{name: "ip" requests: %[1]d interval: "1h" key: {client_ip: true}},
			{name: "id" requests: %[1]d interval: "1h" key: {field: "id"}}
		]
		cache: {ttl: "%[1]ds" key_fields: ["id"] audience: AUDIENCE_PUBLIC stale_while_revalidate: "1s"}
		circuit_breaker: {minimum_calls: %[1]d scope: %[3]s}
		concurrency: {max_in_flight: %[1]d}
		timeout: {duration: "%[2]dms"}
		%[4]s`, 1000+n, 100+n, scope, more)
	p := &policyv1.Policy{}
	if err := prototext.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	return gateway.Override{Methods: getVendor, Policy: p}
}

func retries(n int) string {
	return fmt.Sprintf(`retry: {max_attempts: 2 initial_backoff: "%dus"}`, 1+n)
}
func hedges(n int) string { return fmt.Sprintf(`hedge: {max_attempts: 2 delay: "%dms"}`, 1+n) }

// censused is a gateway whose upstream fails, and who is counted.
type censused struct {
	*gateway.Gateway
	*census
	handler http.Handler
}

func startCensus(t *testing.T, conn grpc.ClientConnInterface) censused {
	t.Helper()
	g, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler), MeterProvider: sdkmetric.NewMeterProvider()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	if err := g.Register(service(policy.Method{}), conn); err != nil {
		t.Fatal(err)
	}
	return censused{g, newCensus(t), g.Handler()}
}

// pass sends requests through the stacks and counts what they stand on.
func (c censused) pass() {
	for i := range 3 {
		for _, verb := range []string{"GET", "DELETE"} {
			c.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(verb, fmt.Sprintf("/v2/vendors/%d", i), nil))
		}
	}
	c.count(c.Gateway)
}

// oneGeneration is the most of a gateway with every policy that is alive.
func oneGeneration() map[string]int64 {
	return map[string]int64{"limiter": 2, "concurrency": 1, "budget": 1, "breaker": 1, "group": 1, "stack": 2, "generation": 1, "settings": 1}
}

func local() grpc.ClientConnInterface {
	return gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{get: fail(codes.Unavailable, "down")})
}

// TestNothingOfAnOldGenerationStays holds that what an override replaces is
// garbage, with all it has counted.
func TestNothingOfAnOldGenerationStays(t *testing.T) {
	const generations = 8
	addressed := dialBackends(t, map[string]*backend{"bad:1": {get: fail(codes.Unavailable, "down")}})
	for name, test := range map[string]struct {
		conn     grpc.ClientConnInterface
		override func(n int) gateway.Override
	}{
		"each with other settings": {local(), func(n int) gateway.Override { return everything(t, n, "SCOPE_METHOD", retries(n)) }},
		"hedged":                   {local(), func(n int) gateway.Override { return everything(t, n, "SCOPE_SERVICE", hedges(n)) }},
		"one breaker for each address": {addressed, func(n int) gateway.Override {
			return everything(t, n, "SCOPE_ENDPOINT", retries(n))
		}},
		"one block after the other": {local(), func(n int) gateway.Override {
			o := everything(t, 0, "SCOPE_METHOD", retries(0))
			other := everything(t, n, "SCOPE_METHOD", retries(n)).Policy
			switch n % 4 {
			case 0:
				o.Policy.RateLimits = other.RateLimits
			case 1:
				o.Policy.CircuitBreaker = other.CircuitBreaker
			case 2:
				o.Policy.Retry = other.Retry
			default:
				o.Policy.Concurrency = other.Concurrency
			}
			return o
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := startCensus(t, test.conn)
			for n := range generations {
				if err := c.Override([]gateway.Override{test.override(n)}); err != nil {
					t.Fatal(err)
				}
				c.pass()
			}
			c.expect(oneGeneration())
			if err := c.Override(nil); err != nil {
				t.Fatal(err)
			}
			c.count(c.Gateway)
			c.expect(map[string]int64{"stack": 2, "generation": 1, "settings": 1})
			runtime.KeepAlive(c.Gateway)
		})
	}
}

// TestNothingOfAnExpiredOverrideStays is the same for those that end by
// themselves.
func TestNothingOfAnExpiredOverrideStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCensus(t, local())
		var all []gateway.Override
		for n := range 5 {
			o := everything(t, n, "SCOPE_METHOD", retries(n))
			o.Expires = time.Now().Add(time.Duration(5-n) * time.Hour) // the last one ends first
			all = append(all, o)
		}
		if err := c.Override(all); err != nil {
			t.Fatal(err)
		}
		clear(all)
		for range 5 {
			c.pass()
			time.Sleep(time.Hour)
			synctest.Wait()
		}
		c.count(c.Gateway)
		c.expect(map[string]int64{"stack": 2, "generation": 1, "settings": 1})
		runtime.KeepAlive(c.Gateway)
	})
}

// TestSettingsLeaveNothingBehind is the same for settings.
func TestSettingsLeaveNothingBehind(t *testing.T) {
	c := startCensus(t, local())
	for range 8 {
		if err := c.Reconfigure(gateway.Settings{AllowedOrigins: []string{"https://venta.example"}}); err != nil {
			t.Fatal(err)
		}
		c.pass()
	}
	c.expect(map[string]int64{"settings": 1, "stack": 2, "generation": 1})
	runtime.KeepAlive(c.Gateway)
}

// TestOverridesKeepWhatAMuxUses holds that the state of services on a mux of the
// program's own, which no override changes, stays in use with its metrics.
func TestOverridesKeepWhatAMuxUses(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	g, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler), MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	described := service(policy.Method{CircuitBreaker: breakerPolicy(3)})
	ctx := gateway.NewContext(t.Context(), g)
	for range 2 { // the second mux shares the first one's
		if err := gateway.RegisterOnMux(ctx, grpcgateway.NewServeMux(), described, local()); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := g.Override(nil); err != nil {
			t.Fatal(err)
		}
		var read metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &read); err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, scope := range read.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name == "venta.circuit_breaker.state" {
					shown += len(m.Data.(metricdata.Gauge[int64]).DataPoints)
				}
			}
		}
		if shown != 3 {
			t.Fatalf("%d states are shown, want 3 of the one breaker", shown)
		}
	}
}
