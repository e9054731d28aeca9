package retry_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/retry"
)

// flaky fails its first attempts, as a real server does: with a header set on
// every response and a trailer.
type flaky struct {
	healthpb.UnimplementedHealthServer
	failures int32
	pushback string
	attempts atomic.Int32
}

func (f *flaky) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	n := f.attempts.Add(1)
	in, _ := metadata.FromIncomingContext(ctx)
	seen := metadata.MD{"previous": in.Get("grpc-previous-rpc-attempts")}
	if err := grpc.SetHeader(ctx, seen); err != nil {
		return nil, err
	}
	if n <= f.failures {
		err := grpc.SetTrailer(ctx, metadata.Join(seen, metadata.Pairs("grpc-retry-pushback-ms", f.pushback, "failed", "yes")))
		if err != nil {
			return nil, err
		}
		return nil, status.Error(codes.Unavailable, "down")
	}
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, grpc.SetTrailer(ctx, seen)
}

// dial serves f in memory and returns a client with the interceptor.
func dial(t *testing.T, f *flaky, interceptor grpc.UnaryClientInterceptor) healthpb.HealthClient {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, f)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///memory",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry(),
		grpc.WithUnaryInterceptor(interceptor))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return healthpb.NewHealthClient(conn)
}

func TestOverTheWire(t *testing.T) {
	tests := []struct {
		name     string
		failures int32
		pushback string

		code     codes.Code
		attempts int32
		previous []string // what the last attempt told the server
		failed   []string // trailer of failed attempts alone
	}{
		{"first try", 0, "0", codes.OK, 1, nil, nil},
		{"third try, although each attempt sent headers", 2, "0", codes.OK, 3, []string{"2"}, nil},
		{"never", 9, "0", codes.Unavailable, 4, []string{"3"}, []string{"yes"}},
		{"pushed back", 9, "-1", codes.Unavailable, 1, nil, []string{"yes"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			current := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, current) }) // after the connection's
			server := &flaky{failures: test.failures, pushback: test.pushback}
			client := dial(t, server, newRetry(t, basePolicy(), retry.Options{}))
			header, trailer := metadata.MD{}, metadata.MD{}

			reply, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{}, grpc.Header(&header), grpc.Trailer(&trailer))

			if got := status.Code(err); got != test.code {
				t.Errorf("code %v, want %v", got, test.code)
			}
			if err == nil && reply.GetStatus() != healthpb.HealthCheckResponse_SERVING {
				t.Errorf("reply %v", reply)
			}
			if got := server.attempts.Load(); got != test.attempts {
				t.Errorf("%d attempts, want %d", got, test.attempts)
			}
			for name, md := range map[string]metadata.MD{"header": header, "trailer": trailer} {
				if diff := cmp.Diff(test.previous, md.Get("previous")); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
			if diff := cmp.Diff(test.failed, trailer.Get("failed")); diff != "" {
				t.Errorf("trailer (-want +got):\n%s", diff)
			}
		})
	}
}
