package gateway_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/upstream"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// dialBackends serves each backend at an address of its own.
func dialBackends(t *testing.T, backends map[string]*backend) *upstream.Conn {
	t.Helper()
	listeners := map[string]*bufconn.Listener{}
	var addresses []string
	for address, b := range backends {
		listener := bufconn.Listen(1 << 16)
		listeners[address], addresses = listener, append(addresses, address)
		server := grpc.NewServer()
		vendorv2.RegisterVendorServiceServer(server, b)
		go func() { _ = server.Serve(listener) }() // it ends with Stop
		t.Cleanup(server.Stop)
	}
	conn, err := upstream.New("static:///"+strings.Join(addresses, ","), upstream.Options{
		HealthCheck: upstream.HealthCheck{Disabled: true},
		DialOptions: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return listeners[address].DialContext(ctx)
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func perEndpoint() policy.CircuitBreaker {
	p := *breakerPolicy(3)
	p.Scope, p.OpenDuration = policy.BreakerPerEndpoint, time.Hour
	return p
}

// TestBadAddressIsLeftOut holds that clients see no more failures once the
// breaker of the one bad address is open.
func TestBadAddressIsLeftOut(t *testing.T) {
	good, bad := &backend{}, &backend{get: fail(codes.Unavailable, "down")}
	breaker := perEndpoint()
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	if err := gw.Register(service(policy.Method{CircuitBreaker: &breaker}), dialBackends(t, map[string]*backend{"good:1": good, "bad:1": bad})); err != nil {
		t.Fatal(err)
	}
	handler := gw.Handler()
	ask := func() int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/v2/vendors/7", nil))
		return w.Code
	}
	for good.called() == 0 || bad.called() < 3 { // both are connected, and the breaker has what it needs to judge
		ask()
	}
	seen := bad.called()
	for range 50 {
		if got := ask(); got != http.StatusOK {
			t.Errorf("%d after the address was ejected", got)
		}
	}
	if bad.called() != seen {
		t.Errorf("the ejected address got %d more calls", bad.called()-seen)
	}
}

func TestEveryAddressOpenIsRefused(t *testing.T) {
	breaker := perEndpoint()
	gw, err := gateway.New(gateway.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	bad := &backend{get: fail(codes.Unavailable, "down")}
	if err := gw.Register(service(policy.Method{CircuitBreaker: &breaker}), dialBackends(t, map[string]*backend{"bad:1": bad})); err != nil {
		t.Fatal(err)
	}
	handler := gw.Handler()
	for range 3 {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v2/vendors/7", nil))
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/v2/vendors/7", nil))
	if got := (answer{body: w.Body.String()}); w.Code != http.StatusServiceUnavailable || got.reason() != "CIRCUIT_OPEN" || bad.called() != 3 {
		t.Errorf("%d %s after %d calls", w.Code, w.Body, bad.called())
	}
}

// TestEndpointScopeNeedsAddresses holds that a connection which does not know its
// addresses stops registration instead of getting another kind of breaker.
func TestEndpointScopeNeedsAddresses(t *testing.T) {
	breaker := perEndpoint()
	gw, err := gateway.New(gateway.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer gw.Close()
	err = gw.Register(service(policy.Method{CircuitBreaker: &breaker}), gateway.ServerConn(&vendorv2.VendorService_ServiceDesc, &backend{}))
	if err == nil || !strings.Contains(err.Error(), "scope ENDPOINT needs a connection of upstream.New") {
		t.Errorf("error %v", err)
	}
}
