package main

import (
	"context"
	"crypto/tls"
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
	"github.com/venta-hq/venta/gateway/upstream"
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
	httpURL, adminURL string

	logs      *processLog
	gateway   *gateway.Gateway
	health    *health.Health
	telemetry *export.Providers
	traced    bool // whether traces go anywhere
	web       []webServer
	services  []service
	reloading *reloading  // nil: the configuration stays
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
// From here on the process logs as it is configured.
func newApp(name string, cfg *configv1.Config, logs *processLog) (*app, error) {
	if err := logs.configure(cfg.GetLogging()); err != nil {
		return nil, err
	}
	traces := cfg.GetTelemetry()
	telemetry, err := export.Start(context.Background(), export.Config{
		ServiceName:  name,
		Prometheus:   true,
		OTLPEndpoint: traces.GetOtlpEndpoint(),
		OTLPInsecure: traces.GetOtlpInsecure(),
		SampleRatio:  traces.GetSampleRatio(),
		Logger:       slog.Default(),
	})
	if err != nil {
		return nil, err
	}
	return &app{logs: logs, telemetry: telemetry, traced: traces.GetOtlpEndpoint() != ""}, nil
}

// addGateway adds the gateway and its admin address. conns are by service.
func (a *app) addGateway(cfg *configv1.Config, verifier *auth.Verifier, conns map[string]*upstream.Conn) error {
	for _, conn := range conns {
		a.closers = append(a.closers, conn)
	}
	called := map[string]grpc.ClientConnInterface{}
	for name, conn := range conns {
		called[name] = conn
	}
	var err error
	if a.gateway, err = newGateway(cfg, verifier, called, a.telemetry); err != nil {
		return err
	}
	a.closers = append(a.closers, a.gateway)
	a.health = health.New(called)
	if a.httpURL, err = a.addWeb("--http", cfg.GetHttp(), cfg.GetHttpListener(), a.gateway.Handler()); err != nil {
		return err
	}
	operations := admin.New(admin.Options{Health: a.health.Handler(), Metrics: a.telemetry.MetricsHandler()})
	a.adminURL, err = a.addWeb("--admin", cfg.GetAdmin(), cfg.GetAdminListener(), operations)
	return err
}

func newGateway(cfg *configv1.Config, verifier *auth.Verifier, conns map[string]grpc.ClientConnInterface, observed *export.Providers) (*gateway.Gateway, error) {
	proxies, err := config.TrustedProxies(cfg)
	if err != nil {
		return nil, err
	}
	gw, err := gateway.New(gateway.Options{
		Logger:           slog.Default(),
		Verifier:         verifier,
		TrustedProxies:   proxies,
		AllowedOrigins:   cfg.GetAllowedOrigins(),
		CacheMaxBytes:    cfg.GetCache().GetMaxBytes(),
		MaxRequestBytes:  cfg.GetLimits().GetMaxRequestBytes(),
		MaxResponseBytes: cfg.GetLimits().GetMaxResponseBytes(),
		MeterProvider:    observed.MeterProvider,
		TracerProvider:   observed.TracerProvider,
		Propagator:       observed.Propagator,
	})
	if err != nil {
		return nil, err
	}
	return gw, register(gw, conns)
}

// register adds the services of the reference system. conns are by service.
func register(gw *gateway.Gateway, conns map[string]grpc.ClientConnInterface) error {
	return errors.Join(
		vendorv1.RegisterVendorServiceGateway(gw, conns[serviceVendor]),
		vendorv2.RegisterVendorServiceGateway(gw, conns[serviceVendor]),
		userv1.RegisterUserServiceGateway(gw, conns[serviceUser]),
		locationv1.RegisterLocationServiceGateway(gw, conns[serviceLocation]),
	)
}

// addWeb listens at once, so that an address in use stops the start. It returns
// the URL that is served.
func (a *app) addWeb(flag, address string, cfg *configv1.Listener, handler http.Handler) (url string, err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	url = "http://" + listener.Addr().String()
	if files := cfg.GetTls(); files != nil {
		pair, err := tls.LoadX509KeyPair(files.GetCertFile(), files.GetKeyFile())
		if err != nil {
			return "", errors.Join(fmt.Errorf("%s: %w", flag, err), listener.Close())
		}
		listener = tls.NewListener(listener, &tls.Config{
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair},
		})
		url = "https://" + listener.Addr().String()
	}
	a.web = append(a.web, webServer{listener: listener, Server: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: cfg.GetReadHeaderTimeout().AsDuration(),
		ReadTimeout:       cfg.GetReadTimeout().AsDuration(),
		WriteTimeout:      cfg.GetWriteTimeout().AsDuration(),
		IdleTimeout:       cfg.GetIdleTimeout().AsDuration(),
		MaxHeaderBytes:    int(cfg.GetMaxHeaderBytes()),
		ErrorLog:          slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}})
	return url, nil
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
	if a.reloading != nil {
		running.Go(func() error { return a.reloading.run(ctx) })
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
