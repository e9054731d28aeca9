package health_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	grpchealth "google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/health"
)

// service is a real gRPC service with a health status.
func service(t *testing.T, status grpc_health_v1.HealthCheckResponse_ServingStatus) grpc.ClientConnInterface {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	checks := grpchealth.NewServer()
	checks.SetServingStatus("", status)
	grpc_health_v1.RegisterHealthServer(server, checks)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		<-served
	})
	return conn
}

func get(t *testing.T, h *health.Health, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestReadinessFollowsTheProcess(t *testing.T) {
	h := health.New(nil)
	if got := get(t, h, "/livez"); got.Code != http.StatusOK {
		t.Errorf("livez %d", got.Code)
	}
	if got := get(t, h, "/readyz"); got.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz before ready: %d", got.Code)
	}
	h.SetReady(true)
	if got := get(t, h, "/readyz"); got.Code != http.StatusOK {
		t.Errorf("readyz %d", got.Code)
	}
	h.SetReady(false)
	if got := get(t, h, "/readyz"); got.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz while draining: %d", got.Code)
	}
}

func TestReport(t *testing.T) {
	up := service(t, grpc_health_v1.HealthCheckResponse_SERVING)
	down := service(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	tests := []struct {
		name     string
		services map[string]grpc.ClientConnInterface
		code     int
		status   string
		want     map[string]string
	}{
		{"all well", map[string]grpc.ClientConnInterface{"vendor": up}, 200, "ok", map[string]string{"vendor": "ok"}},
		{
			"one down", map[string]grpc.ClientConnInterface{"vendor": up, "user": down}, 503, "degraded",
			map[string]string{"vendor": "ok", "user": "unavailable"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := get(t, health.New(test.services), "/health")
			var doc struct {
				Status    string
				Timestamp time.Time
				Services  map[string]string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
				t.Fatal(err)
			}
			if w.Code != test.code || doc.Status != test.status || doc.Timestamp.IsZero() {
				t.Errorf("%d %+v", w.Code, doc)
			}
			if diff := cmp.Diff(test.want, doc.Services); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
		})
	}
}
