package timeout_test

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/timeout"
)

// TestStreamOverTheWire bounds a real stream that sends once and then nothing;
// the server's goroutine ends with it, which goleak sees.
func TestStreamOverTheWire(t *testing.T) {
	for name, test := range map[string]struct {
		policy policy.Timeout
		reason apierror.Reason
	}{
		"idle":  {policy.Timeout{Idle: 20 * time.Millisecond}, timeout.StreamIdle},
		"total": {policy.Timeout{Duration: 100 * time.Millisecond}, apierror.TimeoutExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			client := dialHealth(t, newStream(t, test.policy, timeout.Options{}))
			stream, err := client.Watch(t.Context(), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			messages, err := 0, error(nil)
			for err == nil {
				if _, err = stream.Recv(); err == nil {
					messages++
				}
			}
			if messages > 1 {
				t.Errorf("%d messages", messages)
			}
			checkStreamEnd(t, err, test.reason)
		})
	}
}

// TestUnaryOverTheWire holds that gRPC finds in a bound all that it needs of a
// context: the deadline that travels, and the end.
func TestUnaryOverTheWire(t *testing.T) {
	intercept, err := timeout.New(policy.Timeout{Duration: 50 * time.Millisecond}, timeout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hangs := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("the deadline did not travel")
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	client := dialHealth(t, nil, grpc.WithUnaryInterceptor(intercept), grpc.UnaryInterceptor(hangs))
	_, err = client.Check(t.Context(), &healthpb.HealthCheckRequest{})
	checkOwn(t, err, true, "no response within 50ms")
}

// dialHealth returns a client of a health server in memory. Options are of the
// client and of the server.
func dialHealth(t *testing.T, stream grpc.StreamClientInterceptor, options ...any) healthpb.HealthClient {
	t.Helper()
	client := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if stream != nil {
		client = append(client, grpc.WithStreamInterceptor(stream))
	}
	var server []grpc.ServerOption
	for _, option := range options {
		switch option := option.(type) {
		case grpc.DialOption:
			client = append(client, option)
		case grpc.ServerOption:
			server = append(server, option)
		}
	}
	listener := bufconn.Listen(1 << 16)
	s := grpc.NewServer(server...)
	healthpb.RegisterHealthServer(s, health.NewServer())
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	client = append(client, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	conn, err := grpc.NewClient("passthrough:///memory", client...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthpb.NewHealthClient(conn)
}
