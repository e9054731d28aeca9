package gateway_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/gatewaytest"
	"github.com/venta-hq/venta/gateway/policy"
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
