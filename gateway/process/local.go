package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"

	"github.com/venta-hq/venta/gateway/health"
)

// localService is an upstream that runs in this process.
type localService struct {
	name     string
	server   Server
	listener net.Listener
}

// serve serves until ctx ends. A service that ends before that has failed: the
// gateway would go on without it.
func (s localService) serve(ctx context.Context) error {
	err := s.server.Serve(ctx, s.listener)
	if err == nil && ctx.Err() == nil {
		err = errors.New("it ended by itself")
	}
	if err != nil {
		return fmt.Errorf("service %s: %w", s.name, err)
	}
	return nil
}

// addLocal runs every upstream that the program can serve itself, and connects
// to it.
func (p *process) addLocal(ctx context.Context, conns connections) error {
	for _, name := range p.program.Upstreams.local() {
		listener, conn, err := inMemory(name, p.changes.onChange(name))
		if err != nil {
			return err
		}
		conns[name] = conn
		if err := p.addService(ctx, name, listener); err != nil {
			return err
		}
	}
	return nil
}

// addService runs an upstream that listens on listener.
func (p *process) addService(ctx context.Context, name string, listener net.Listener) error {
	host, err := p.host(name)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server, err := p.program.Upstreams[name].server(ctx, host)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	p.local = append(p.local, localService{name, server, listener})
	return nil
}

// plainHost is what everything in this process knows of it.
func (p *process) plainHost(name string) Host {
	host := Host{
		Name: name, Config: p.loaded, Data: p.data, Verifier: p.verifier, Logger: p.logs.Logger, Drain: p.timing.drain,
		MeterProvider: p.telemetry.MeterProvider, Events: p.events,
		OnClose: func(end func() error) { p.closers = append(p.closers, closing(end)) },
		Depend:  func(d health.Dependency) { p.dependencies = append(p.dependencies, d) },
	}
	if p.traced {
		host.Stats, host.TracerProvider = p.telemetry.GRPCServerHandler(), p.telemetry.TracerProvider
	}
	return host
}

// host is what an upstream's server knows of this process.
func (p *process) host(name string) (Host, error) {
	host := p.plainHost(name)
	var err error
	if p.identity != nil {
		host.Identity = p.identity
	} else if p.signer != nil {
		host.Identity, err = p.localIdentity(name)
	}
	return host, err
}

// closing is an io.Closer of a function.
type closing func() error

// Close implements io.Closer.
func (c closing) Close() error { return c() }

// server makes the upstream's own server.
func (u Upstream) server(ctx context.Context, host Host) (Server, error) {
	if u.Server == nil {
		return newPlainServer(host, u.Serve), nil
	}
	server, err := u.Server(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", host.Name, err)
	}
	if server == nil {
		return nil, fmt.Errorf("service %s: its Server returned none", host.Name)
	}
	return server, nil
}

// plainServer is a gRPC server with health and nothing else around its services.
type plainServer struct {
	grpc   *grpc.Server
	health *grpchealth.Server
	drain  time.Duration
}

func newPlainServer(host Host, register func(grpc.ServiceRegistrar)) *plainServer {
	options := []grpc.ServerOption{
		// The most often that a gateway can be configured to probe.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}
	if host.Stats != nil {
		options = append(options, grpc.StatsHandler(host.Stats))
	}
	s := &plainServer{grpc: grpc.NewServer(options...), health: grpchealth.NewServer(), drain: host.Drain}
	register(s.grpc)
	for name := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(name, healthpb.HealthCheckResponse_SERVING)
	}
	healthpb.RegisterHealthServer(s.grpc, s.health)
	return s
}

// Serve implements Server.
func (s *plainServer) Serve(ctx context.Context, listener net.Listener) error {
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		s.stop()
	})
	err := s.grpc.Serve(listener)
	if cancel() {
		s.stop() // the listener failed: nobody else will
	} else {
		<-stopped
	}
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// stop lets calls end, and cuts off those that last longer than the drain time.
func (s *plainServer) stop() {
	s.health.Shutdown()
	late := time.AfterFunc(s.drain, s.grpc.Stop)
	defer late.Stop()
	s.grpc.GracefulStop()
}
