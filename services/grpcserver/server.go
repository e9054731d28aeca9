// Package grpcserver is the gRPC server that all services share: what stands
// around a handler is the same for each of them and assembled in one place,
// [New].
package grpcserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/stats"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/health"
)

const (
	defaultMaxRequestBytes = 1 << 20
	maxResponseBytes       = 4 << 20 // what clients take by default
	maxStreams             = 1000    // of one connection
	defaultDrain           = 10 * time.Second
)

// Options is what a server needs. It is read once.
type Options struct {
	// Verifier verifies the caller's own token again: a service does not rely on
	// what stands before it. Required.
	Verifier auth.Verifier
	// Identity verifies the gateway's token, which says who the caller is where the
	// caller has no token. Nil: the caller's own is needed.
	Identity auth.Verifier
	// Logger takes calls and internal errors. Default [slog.Default].
	Logger *slog.Logger
	// MaxRequestBytes bounds a request message. Default 1 MiB.
	MaxRequestBytes int
	// Drain is how long calls may take to finish once the server is to stop.
	// Default 10 s.
	Drain time.Duration
	// StatsHandler observes calls, such as OpenTelemetry's. Default: nobody does.
	StatsHandler stats.Handler
	// Check tells whether what the services need works, such as their database;
	// while it fails they are NOT_SERVING. Default: it always does.
	Check health.Check
	// Reflection serves the schema to anybody (gRPC server reflection). Default
	// off.
	Reflection bool

	server *auth.Server
}

func (o *Options) complete() error {
	if o.Verifier == nil {
		return errors.New("a verifier is required")
	}
	var err error
	if o.server, err = auth.NewServer(auth.ServerOptions{Bearer: o.Verifier, Identity: o.Identity}); err != nil {
		return err
	}
	if o.MaxRequestBytes < 0 || o.Drain < 0 {
		return errors.New("bounds must not be negative")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxRequestBytes == 0 {
		o.MaxRequestBytes = defaultMaxRequestBytes
	}
	if o.Drain == 0 {
		o.Drain = defaultDrain
	}
	return nil
}

// Server is a gRPC server with the services that were registered, their health
// and, where the options say so, reflection. It serves one listener, once.
type Server struct {
	grpc   *grpc.Server
	health *health.Server
	drain  time.Duration
}

// New returns a server of what register registers. It is an error if a
// validation rule of these services cannot be compiled.
//
// A call passes, from the outside inwards:
//
//	recovery -> logging -> size of responses -> errors -> authentication -> validation -> handler
//
// Health and reflection need no credentials and are not logged.
func New(o Options, register func(grpc.ServiceRegistrar)) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("grpcserver: %w", err)
	}
	var services collector
	register(&services)
	validator, err := services.validator()
	if err != nil {
		return nil, fmt.Errorf("grpcserver: %w", err)
	}
	s := &Server{drain: o.Drain, grpc: grpc.NewServer(serverOptions(o, validator)...)}
	var names []string
	for _, service := range services {
		s.grpc.RegisterService(service.desc, service.handler)
		names = append(names, service.desc.ServiceName)
	}
	s.health = health.NewServer(health.ServerOptions{Services: names, Check: o.Check, Logger: o.Logger})
	healthpb.RegisterHealthServer(s.grpc, s.health)
	if o.Reflection {
		reflection.Register(s.grpc)
	}
	return s, nil
}

func serverOptions(o Options, validator protovalidate.Validator) []grpc.ServerOption {
	unary, stream := chain(o, validator)
	options := []grpc.ServerOption{
		unary, stream,
		grpc.MaxRecvMsgSize(o.MaxRequestBytes),
		grpc.MaxSendMsgSize(maxResponseBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}
	if o.StatsHandler != nil {
		options = append(options, grpc.StatsHandler(o.StatsHandler))
	}
	return options
}

// Serve serves calls on the listener until ctx ends. Health then says
// NOT_SERVING, new calls are refused and those under way may finish; after the
// drain time they are cancelled. Serve returns, nil for an orderly stop, when
// every handler has returned.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	checking, endChecks := context.WithCancel(ctx)
	var checks sync.WaitGroup
	checks.Go(func() { s.health.Run(checking) })
	defer checks.Wait()
	defer endChecks()
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
	if err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("grpcserver: %w", err)
	}
	return nil
}

func (s *Server) stop() {
	s.health.Shutdown()
	late := time.AfterFunc(s.drain, s.grpc.Stop)
	defer late.Stop()
	s.grpc.GracefulStop()
}
