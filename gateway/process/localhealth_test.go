package process_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/venta-hq/venta/gateway/process"
)

// ailing is a service that says itself whether it serves.
type ailing struct {
	*grpc.Server
	health *health.Server
}

func newAiling() ailing {
	a := ailing{grpc.NewServer(), health.NewServer()}
	testgrpc.RegisterTestServiceServer(a.Server, echo{})
	healthpb.RegisterHealthServer(a.Server, a.health)
	return a
}

// Serve implements process.Server.
func (a ailing) Serve(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, a.Stop)()
	return a.Server.Serve(l)
}

// TestLocalServicesHealthIsHeeded holds that a service in this process gets no calls
// while it says that it does not serve, as one that is elsewhere.
func TestLocalServicesHealthIsHeeded(t *testing.T) {
	service, p := newAiling(), shop(nil)
	p.Upstreams = process.Upstreams{"orders": {
		Register: p.Upstreams["orders"].Register,
		Server:   func(context.Context, process.Host) (process.Server, error) { return service, nil },
	}}
	r := run(t, p, "")
	responds := func(status int) func() bool {
		return func() bool {
			response, err := http.Get(r.HTTPURL + "/v1/echo/1")
			if err != nil {
				return false
			}
			_ = response.Body.Close()
			return response.StatusCode == status
		}
	}
	within(t, waitLimit, "it serves", responds(http.StatusOK))
	service.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	within(t, waitLimit, "it is left out", responds(http.StatusServiceUnavailable))
	service.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
	within(t, waitLimit, "it is back", responds(http.StatusOK))
}
