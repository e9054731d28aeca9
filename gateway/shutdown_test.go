package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// watching describes gRPC's health service, whose Watch is a stream that does not
// end by itself.
func watching(watch policy.Method) gateway.Service {
	return gateway.Service{Name: "grpc.health.v1.Health", Methods: []gateway.Method{{
		Name:     "Watch",
		Call:     gateway.ServerStream(healthv1.HealthClient.Watch),
		Bindings: []gateway.Binding{{Verb: "GET", Path: "/v1/watch"}},
		Policy:   watch,
	}}}
}

func startWatching(t *testing.T, watch policy.Method, options gateway.Options) *server {
	t.Helper()
	log := &syncBuffer{}
	return &server{log: log, Server: gatewaytest.Start(t, gatewaytest.Options{
		Gateway: options,
		Serve:   func(r grpc.ServiceRegistrar) { healthv1.RegisterHealthServer(r, health.NewServer()) },
		Register: func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(watching(watch), conn)
		},
	})}
}

// open opens the stream and reads its first message.
func (s *server) open(t *testing.T) (first string, rest *bufio.Reader) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/v1/watch", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	rest = bufio.NewReader(response.Body)
	first, err = rest.ReadString('\n')
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return first, rest
}

func TestStreamsEndWithAReason(t *testing.T) {
	s := startWatching(t, policy.Method{}, gateway.Options{})
	first, rest := s.open(t)
	if !strings.Contains(first, `"SERVING"`) {
		t.Fatalf("first message: %s", first)
	}
	s.Gateway.EndStreams()
	last, err := io.ReadAll(rest)
	if err != nil || !strings.Contains(string(last), `"SHUTTING_DOWN"`) || !strings.Contains(string(last), `"code":14`) {
		t.Errorf("last message: %s, %v", last, err)
	}
	if late, _ := s.open(t); !strings.Contains(late, `"SHUTTING_DOWN"`) {
		t.Errorf("a stream that began after the end: %s", late)
	}
}

// TestConnectionsEndBehindAResponse holds that each response that begins after
// EndConnections ends its connection, whoever writes it, and none before does.
func TestConnectionsEndBehindAResponse(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			b, came, letGo := blocked()
			s := start(t, b, policy.Method{}, gateway.Options{Routes: map[string]http.Handler{
				"GET /silent": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), // net/http responds
			}})
			var connections atomic.Int32
			s.serveAs(t, protocol, &connections)

			underWay := make(chan answer)
			go func() { underWay <- s.do(t, "GET", "/v2/vendors/7") }()
			<-came
			for range 2 {
				s.do(t, "GET", "/v2/vendors/8")
			}
			before := connections.Load()
			s.Gateway.EndConnections()
			letGo()
			if got := <-underWay; got.status != http.StatusOK {
				t.Errorf("the request under way: %d %s", got.status, got.body)
			}
			for i, path := range []string{"/v2/vendors/8", "/silent", "/nothing", "/v2/vendors/9"} {
				s.do(t, "GET", path) // each may find a connection of before that is silent yet
				if i > int(before) && connections.Load() == before {
					t.Errorf("%s: it came on a connection of before", path)
				}
			}
			at := connections.Load()
			s.do(t, "GET", "/silent")
			s.do(t, "GET", "/silent")
			if connections.Load() != at+2 {
				t.Errorf("%d connections for 2 requests", connections.Load()-at)
			}
		})
	}
}

// serveAs serves the gateway by a protocol, and counts connections.
func (s *server) serveAs(t *testing.T, protocol string, connections *atomic.Int32) {
	t.Helper()
	h := httptest.NewUnstartedServer(s.Gateway.Handler())
	h.EnableHTTP2 = protocol == "HTTP/2.0"
	h.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	h.StartTLS()
	t.Cleanup(h.Close)
	s.URL, s.Client = h.URL, h.Client()
	response, err := s.Client.Get(h.URL) //nolint:noctx // it responds at once
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.Proto != protocol {
		t.Fatalf("served by %s", response.Proto)
	}
}

// TestRequestsEndWithAReason holds that a request which the process cannot wait
// for is told so, wherever it waits, and that the log says the same.
func TestRequestsEndWithAReason(t *testing.T) {
	all := everyPolicy()
	for name, p := range map[string]policy.Method{
		"plain":   {},
		"timeout": {Timeout: &policy.Timeout{Duration: time.Hour}},
		"retry":   {Timeout: all.Timeout, Retry: all.Retry},
		"hedge": {Hedge: &policy.Hedge{
			Delay: time.Hour, MaxAttempts: 2, NonFatalStatusCodes: []codes.Code{codes.Unavailable},
			Budget: policy.RetryBudget{Percent: 100, MinPerSecond: 10},
		}},
		"breaker":     {CircuitBreaker: breakerPolicy(1)},
		"concurrency": {Concurrency: &policy.Concurrency{MaxInFlight: 1, MaxQueue: 1}}, // the second waits in the queue
		"cache":       {Cache: &policy.Cache{TTL: time.Minute, Audience: policy.AudiencePublic}},
	} {
		t.Run(name, func(t *testing.T) {
			came := make(chan struct{}, 2)
			b := &backend{get: func(ctx context.Context, _ int) (*vendorv2.GetVendorResponse, error) {
				came <- struct{}{}
				<-ctx.Done()
				return nil, ctx.Err()
			}}
			s := start(t, b, p, gateway.Options{})
			answers := make(chan answer, 2)
			go func() { answers <- s.do(t, "GET", "/v2/vendors/7") }()
			<-came
			if name == "cache" || name == "concurrency" {
				go func() { answers <- s.do(t, "GET", "/v2/vendors/7") }()
			} else {
				answers <- answer{status: 503, body: `{"details":[{"reason":"SHUTTING_DOWN"}]}`, header: http.Header{"Retry-After": {"1"}}}
			}
			s.Gateway.EndRequests()
			for range 2 {
				got := <-answers
				if got.status != http.StatusServiceUnavailable || got.reason() != "SHUTTING_DOWN" || got.header.Get("Retry-After") != "1" {
					t.Errorf("%d %s %v", got.status, got.body, got.header)
				}
			}
			if log := s.log.String(); strings.Contains(log, "status_code=499") {
				t.Errorf("log: %s", log)
			}
		})
	}
}
