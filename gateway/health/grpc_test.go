package health_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/health"
)

// serve runs a real gRPC server with what register registers.
func serve(t *testing.T, register func(*grpc.Server)) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	register(server)
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

func TestServing(t *testing.T) {
	up, down := health.NewServer(health.ServerOptions{Services: []string{"shop.Orders"}}), health.NewServer(health.ServerOptions{})
	down.Shutdown()
	with := func(s *health.Server) *grpc.ClientConn {
		return serve(t, func(r *grpc.Server) { grpc_health_v1.RegisterHealthServer(r, s) })
	}
	for _, test := range []struct {
		name, service string
		conn          *grpc.ClientConn
		ok, definite  bool
	}{
		{"serving", "", with(up), true, false},
		{"a service of it", "shop.Orders", with(up), true, false},
		{"another service", "shop.Users", with(up), false, true},
		{"not serving", "", with(down), false, true},
		{"without the protocol", "", serve(t, func(*grpc.Server) {}), true, false},
	} {
		err := health.Serving(test.conn, test.service)(t.Context())
		if (err == nil) != test.ok || errors.Is(err, health.ErrNotServing) != test.definite {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// A server that takes the question and never answers is down when the time is over.
func TestServingEndsWithItsContext(t *testing.T) {
	conn := serve(t, func(r *grpc.Server) { grpc_health_v1.RegisterHealthServer(r, silent{}) })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := health.Serving(conn, "")(ctx); err == nil || errors.Is(err, health.ErrNotServing) {
		t.Error(err)
	}
}

type silent struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (silent) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestConnected(t *testing.T) {
	conn := serve(t, func(*grpc.Server) {})
	if err := health.NotFailing(conn)(t.Context()); err != nil || conn.GetState() != connectivity.Idle {
		t.Errorf("%v, %s", err, conn.GetState())
	}
	if err := health.Connected(conn)(t.Context()); err != nil || conn.GetState() != connectivity.Ready {
		t.Errorf("%v, %s", err, conn.GetState())
	}
	conn.Close()
	for _, check := range []health.Check{health.Connected(conn), health.NotFailing(conn)} {
		if check(t.Context()) == nil {
			t.Error("a closed connection is well")
		}
	}
}

// Services follow their database, and the end is the end.
func TestServerFollowsItsCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var err atomic.Pointer[error]
		set := func(e error) { err.Store(&e) }
		set(nil)
		s := health.NewServer(health.ServerOptions{
			Services: []string{"shop.Orders"}, Check: func(context.Context) error { return *err.Load() },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx) }()
		want := func(when string, status grpc_health_v1.HealthCheckResponse_ServingStatus) {
			t.Helper()
			time.Sleep(12 * time.Second)
			synctest.Wait()
			for _, service := range []string{"", "shop.Orders"} {
				got, err := s.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
				if err != nil || got.GetStatus() != status {
					t.Errorf("%s: %q: %v %v", when, service, got.GetStatus(), err)
				}
			}
		}
		want("at first", grpc_health_v1.HealthCheckResponse_SERVING)
		set(errors.New("the database is away"))
		want("without a database", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
		set(nil)
		want("with it again", grpc_health_v1.HealthCheckResponse_SERVING)
		s.Shutdown()
		want("at the end", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
		cancel()
		<-ended
	})
}
