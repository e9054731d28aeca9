package grpcserver_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/services/grpcserver"
	"github.com/venta-hq/venta/services/internal/servicetest"
)

// running is a server in a bubble of virtual time.
type running struct {
	conn *grpc.ClientConn
	ctx  context.Context // of a call
	stop context.CancelFunc
	done chan error
}

func run(t *testing.T, keys devkeys.Keys, do func(context.Context) error) running {
	t.Helper()
	return runChecked(t, keys, do, nil)
}

func runChecked(t *testing.T, keys devkeys.Keys, do func(context.Context) error, check func(context.Context) error) running {
	t.Helper()
	server := newServer(t, servicetest.Verifier(t, keys), do, check)
	listener := bufconn.Listen(1 << 16)
	ctx, stop := context.WithCancel(t.Context())
	r := running{conn: servicetest.Dial(t, listener), stop: stop, done: make(chan error, 1)}
	go func() { r.done <- server.Serve(ctx, listener) }()
	token, err := keys.Sign(devkeys.Claims{Subject: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	r.ctx = metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	return r
}

func newServer(t *testing.T, v *auth.JWT, do, check func(context.Context) error) *grpcserver.Server {
	t.Helper()
	server, err := grpcserver.New(grpcserver.Options{
		Verifier: v,
		Check:    check,
		Logger:   slog.New(slog.DiscardHandler),
		Drain:    5 * time.Second,
	}, func(r grpc.ServiceRegistrar) { registerFaulty(do)(r, nil) })
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func openKeys(t *testing.T) devkeys.Keys {
	t.Helper()
	keys, err := devkeys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestServeLetsCallsFinish(t *testing.T) {
	keys := openKeys(t)
	synctest.Test(t, func(t *testing.T) {
		started := make(chan struct{})
		r := run(t, keys, func(context.Context) error {
			close(started)
			time.Sleep(4 * time.Second)
			return nil
		})
		call := make(chan error, 1)
		go func() { call <- getUserVendors(r.ctx, r.conn) }()
		<-started
		begin := time.Now()
		r.stop()
		if err := <-call; err != nil {
			t.Errorf("a call under way: %v", err)
		}
		if err := <-r.done; err != nil || time.Since(begin) != 4*time.Second {
			t.Errorf("stopped after %s: %v", time.Since(begin), err)
		}
	})
}

func TestServeCancelsCallsThatTakeTooLong(t *testing.T) {
	keys := openKeys(t)
	synctest.Test(t, func(t *testing.T) {
		started, ended := make(chan struct{}), make(chan struct{})
		r := run(t, keys, func(ctx context.Context) error {
			defer close(ended)
			close(started)
			<-ctx.Done()
			time.Sleep(time.Second) // cleans up
			return ctx.Err()
		})
		call := make(chan error, 1)
		go func() { call <- getUserVendors(r.ctx, r.conn) }()
		<-started
		begin := time.Now()
		r.stop()
		if err := <-r.done; err != nil || time.Since(begin) != 6*time.Second {
			t.Errorf("stopped after %s: %v", time.Since(begin), err)
		}
		select {
		case <-ended:
		default:
			t.Error("Serve returned before the handler")
		}
		servicetest.WantCode(t, <-call, codes.Unavailable)
	})
}

func TestServeAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	server := newServer(t, servicetest.NewVerifier(t), func(context.Context) error { return nil }, nil)
	if err := server.Serve(ctx, bufconn.Listen(1)); err != nil {
		t.Error(err)
	}
}

// broken is a listener that fails.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, errors.New("no more connections") }

func TestServeReportsAListenerThatFails(t *testing.T) {
	server := newServer(t, servicetest.NewVerifier(t), func(context.Context) error { return nil }, nil)
	err := server.Serve(t.Context(), broken{bufconn.Listen(1)})
	if err == nil || err.Error() != "grpcserver: no more connections" {
		t.Errorf("error %v", err)
	}
}

// The services follow their database, and a check that hangs is not waited for.
func TestHealthFollowsTheDatabase(t *testing.T) {
	keys := openKeys(t)
	synctest.Test(t, func(t *testing.T) {
		var failure atomic.Pointer[error]
		r := runChecked(t, keys, func(context.Context) error { return nil }, func(ctx context.Context) error {
			if err := failure.Load(); err != nil {
				return *err
			}
			return nil
		})
		watch, err := healthpb.NewHealthClient(r.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		next := func(want healthpb.HealthCheckResponse_ServingStatus) {
			t.Helper()
			if got, err := watch.Recv(); err != nil || got.GetStatus() != want {
				t.Errorf("%v %v, want %v", got.GetStatus(), err, want)
			}
		}
		next(healthpb.HealthCheckResponse_SERVING)
		down := errors.New("the disk is gone")
		failure.Store(&down)
		next(healthpb.HealthCheckResponse_NOT_SERVING)
		if err := getUserVendors(r.ctx, r.conn); err != nil {
			t.Errorf("a call that needs no database: %v", err)
		}
		failure.Store(nil)
		next(healthpb.HealthCheckResponse_SERVING)
		r.stop()
		next(healthpb.HealthCheckResponse_NOT_SERVING)
		if err := r.conn.Close(); err != nil {
			t.Error(err)
		}
		if err := <-r.done; err != nil {
			t.Error(err)
		}
	})
}
