package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/telemetry/export"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/grpcserver"
)

// drainTime bounds how long requests in flight may take to end at shutdown. It
// is longer than any RPC's timeout.
const drainTime = 10 * time.Second

// flushTime bounds how long the last telemetry may take to leave.
const flushTime = 2 * time.Second

// app is what one process runs. Parts are added, then served together, then
// ended in the reverse order: the gateway before the services that it calls,
// the services before the store that they use.
type app struct {
	httpAddr, adminAddr string

	health    *health.Health
	telemetry *export.Providers
	traced    bool // whether traces go anywhere
	web       []webServer
	services  []service
	closers   []io.Closer // in the order of opening
}

type webServer struct {
	*http.Server
	listener net.Listener
}

type service struct {
	*grpcserver.Server
	listener net.Listener
}

// newApp returns an app without parts, whose telemetry bears the process's name.
func newApp(name string, cfg *configv1.Telemetry) (*app, error) {
	telemetry, err := export.Start(context.Background(), export.Config{
		ServiceName:  name,
		Prometheus:   true,
		OTLPEndpoint: cfg.GetOtlpEndpoint(),
		OTLPInsecure: cfg.GetOtlpInsecure(),
		SampleRatio:  cfg.GetSampleRatio(),
		Logger:       slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	return &app{telemetry: telemetry, traced: cfg.GetOtlpEndpoint() != ""}, nil
}

// addGateway adds the gateway and its admin address. conns are by service.
func (a *app) addGateway(cfg *configv1.Config, verifier *auth.Verifier, conns map[string]*grpc.ClientConn) error {
	for _, conn := range conns {
		a.closers = append(a.closers, conn)
	}
	handler, err := newGateway(cfg, verifier, conns, a.telemetry)
	if err != nil {
		return err
	}
	checked := map[string]grpc.ClientConnInterface{}
	for name, conn := range conns {
		checked[name] = conn
	}
	a.health = health.New(checked)
	if a.httpAddr, err = a.addWeb("--http", cfg.GetHttp(), handler); err != nil {
		return err
	}
	operations := admin.New(admin.Options{Health: a.health.Handler(), Metrics: a.telemetry.MetricsHandler()})
	a.adminAddr, err = a.addWeb("--admin", cfg.GetAdmin(), operations)
	return err
}

func newGateway(cfg *configv1.Config, verifier *auth.Verifier, conns map[string]*grpc.ClientConn, observed *export.Providers) (http.Handler, error) {
	proxies, err := config.TrustedProxies(cfg)
	if err != nil {
		return nil, err
	}
	gw, err := gateway.New(gateway.Options{
		Logger:         slog.Default(),
		Verifier:       verifier,
		TrustedProxies: proxies,
		AllowedOrigins: cfg.GetAllowedOrigins(),
		CacheMaxBytes:  cfg.GetCache().GetMaxBytes(),
		MeterProvider:  observed.MeterProvider,
		TracerProvider: observed.TracerProvider,
		Propagator:     observed.Propagator,
	})
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		vendorv1.RegisterVendorServiceGateway(gw, conns[serviceVendor]),
		vendorv2.RegisterVendorServiceGateway(gw, conns[serviceVendor]),
		userv1.RegisterUserServiceGateway(gw, conns[serviceUser]),
		locationv1.RegisterLocationServiceGateway(gw, conns[serviceLocation]),
	)
	if err != nil {
		return nil, err
	}
	return gw.Handler(), nil
}

// addWeb listens at once, so that an address in use stops the start.
func (a *app) addWeb(flag, address string, handler http.Handler) (bound string, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	a.web = append(a.web, webServer{listener: listener, Server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}})
	return listener.Addr().String(), nil
}

// serve runs until ctx ends or a part fails, then drains and closes all.
func (a *app) serve(ctx context.Context) error {
	running, ctx := errgroup.WithContext(ctx)
	// The services end when the gateway has, not when ctx does.
	servicesCtx, endServices := context.WithCancel(context.WithoutCancel(ctx))
	defer endServices()
	for _, s := range a.services {
		running.Go(func() error { return s.Serve(servicesCtx, s.listener) })
	}
	for _, s := range a.web {
		running.Go(func() error { return ignoreClosed(s.Serve(s.listener)) })
	}
	if a.health != nil {
		a.health.SetReady(true)
	}
	<-ctx.Done()
	err := a.drain()
	endServices()
	return errors.Join(err, running.Wait(), a.close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// drain stops taking requests and lets those in flight end within drainTime.
func (a *app) drain() error {
	if a.health != nil {
		a.health.SetReady(false)
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var errs []error
	for _, s := range a.web {
		if err := s.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("draining %s: %w", s.listener.Addr(), err), s.Close())
		}
	}
	return errors.Join(errs...)
}

// close flushes telemetry, then closes what was opened, the last first.
func (a *app) close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := a.telemetry.Shutdown(ctx); err != nil {
		slog.Warn("telemetry was lost at the end", "error", err) // no reason for a failed exit
	}
	for _, c := range slices.Backward(a.closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// abandon closes what a failed start has opened, and returns why it failed.
func (a *app) abandon(why error) error {
	for _, s := range a.web {
		_ = s.listener.Close()
	}
	for _, s := range a.services {
		_ = s.listener.Close()
	}
	if err := a.close(); err != nil {
		slog.Warn("closing after a failed start", "error", err)
	}
	return why
}
