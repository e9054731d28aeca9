// Package gatewaytest runs a gateway in front of in-memory gRPC services, for
// tests: real connections, real HTTP, no ports to choose.
package gatewaytest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/upstream"
)

// Options says what runs. Serve and Register are required.
type Options struct {
	// Gateway are the gateway's options.
	Gateway gateway.Options
	// Serve registers the services' implementations.
	Serve func(grpc.ServiceRegistrar)
	// ServerOptions configure the gRPC server.
	ServerOptions []grpc.ServerOption
	// Register registers the services' routes.
	Register func(*gateway.Gateway, grpc.ClientConnInterface) error
}

// Server is a running gateway. Everything ends with the test.
type Server struct {
	URL     string // of the gateway, without a slash at its end
	Client  *http.Client
	Gateway *gateway.Gateway
	Conn    *grpc.ClientConn // to the services
}

// Start runs a gateway, or ends the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	conn := Dial(t, o.Serve, o.ServerOptions...)
	gw, err := gateway.New(o.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Register(gw, conn); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(gw.Handler())
	server.Config.BaseContext = gw.BaseContext
	server.Start()
	t.Cleanup(server.Close)
	return &Server{URL: server.URL, Client: server.Client(), Gateway: gw, Conn: conn}
}

const bufferSize = 1 << 20

// Dial serves services in memory and returns a connection to them, as the
// gateway opens it. Both end with the test.
func Dial(t testing.TB, serve func(grpc.ServiceRegistrar), options ...grpc.ServerOption) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(bufferSize)
	server := grpc.NewServer(options...)
	serve(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("gRPC server: %v", err)
		}
	})
	conn, err := upstream.Dial("passthrough:///memory", grpc.WithContextDialer(
		func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Errorf("closing the connection: %v", err)
		}
	})
	return conn
}
