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

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/ratelimit/redislimit"
	"github.com/venta-hq/venta/gateway/telemetry/export"
	"github.com/venta-hq/venta/gateway/upstream"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
	"github.com/venta-hq/venta/services/grpcserver"
)

// app is what one process runs. Parts are added, then served together, then
// ended in the reverse order: the gateway before the services that it calls,
// the services before the store that they use.
type app struct {
	httpURL, adminURL string

	logs      *processLog
	patience  patience
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
	listener   net.Listener
	operations bool // it serves the admin address, to the last
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
	return &app{logs: logs, patience: newPatience(cfg.GetShutdown()), telemetry: telemetry, traced: traces.GetOtlpEndpoint() != ""}, nil
}

// fleet is what a gateway is one of.
type fleet struct {
	loaded   *config.Loaded
	verifier *auth.JWT
	conns    map[string]*upstream.Conn // by service
	alone    bool                      // without Redis, this process is all there is
}

// addGateway adds the gateway and its admin address.
func (a *app) addGateway(ctx context.Context, f fleet) error {
	cfg := f.loaded.Config
	called := map[string]grpc.ClientConnInterface{}
	for name, conn := range f.conns {
		a.closers = append(a.closers, conn)
		called[name] = conn
	}
	options, err := a.gatewayOptions(ctx, f)
	if err != nil {
		return err
	}
	if a.gateway, err = gateway.New(options); err != nil {
		return err
	}
	a.closers = append(a.closers, a.gateway)
	if err := register(a.gateway, called); err != nil {
		return err
	}
	if err := observeUpstreams(a.telemetry.MeterProvider, f.conns); err != nil {
		return err
	}
	a.health = health.New(called)
	if a.httpURL, err = a.addWeb("--http", cfg.GetHttp(), cfg.GetHttpListener(), a.gateway.Handler()); err != nil {
		return err
	}
	operations := admin.New(admin.Options{
		Health:    a.health.Handler(),
		Metrics:   a.telemetry.MetricsHandler(),
		Policies:  policiesHandler(a.gateway),
		Upstreams: upstreamsHandler(f.conns),
		Purge:     a.gateway.PurgeHandler(),
	})
	a.adminURL, err = a.addWeb("--admin", cfg.GetAdmin(), cfg.GetAdminListener(), operations)
	if err == nil {
		a.web[len(a.web)-1].operations = true
	}
	return err
}

// gatewayOptions opens what the gateway stands on.
func (a *app) gatewayOptions(ctx context.Context, f fleet) (gateway.Options, error) {
	cfg := f.loaded.Config
	proxies, err := config.TrustedProxies(cfg)
	if err != nil {
		return gateway.Options{}, err
	}
	options := gateway.Options{
		Logger:   slog.Default(),
		Verifier: f.verifier,
		Settings: gateway.Settings{
			TrustedProxies:  proxies,
			AllowedOrigins:  cfg.GetAllowedOrigins(),
			RateLimitFields: rateLimitFields(cfg.GetRateLimits()),
		},
		CacheMaxBytes:    cfg.GetCache().GetMaxBytes(),
		MaxRequestBytes:  cfg.GetLimits().GetMaxRequestBytes(),
		MaxResponseBytes: cfg.GetLimits().GetMaxResponseBytes(),
		MeterProvider:    a.telemetry.MeterProvider,
		TracerProvider:   a.telemetry.TracerProvider,
		Propagator:       a.telemetry.Propagator,
		RateLimits:       gateway.RateLimitOptions{MaxKeys: int(cfg.GetRateLimits().GetMaxKeys())},
	}
	if path := cfg.GetAuth().GetApiKeysFile(); path != "" {
		if options.APIKeys, err = auth.LoadAPIKeys(path); err != nil {
			return options, f.loaded.Fault("auth.api_keys_file", err.Error())
		}
	}
	client, err := a.openRedis(ctx, f.loaded)
	if err != nil {
		return options, err
	}
	if client == nil {
		options.RateLimits.Alone = f.alone
		return options, nil
	}
	options.RateLimits.Store = redislimit.New(client)
	if cfg.GetCache().GetRemote() {
		remote, err := a.openRemoteCache(cfg.GetCache(), client)
		if err != nil {
			return options, err
		}
		options.CacheRemote = remote
	}
	return options, nil
}

func rateLimitFields(cfg *configv1.RateLimits) ratelimit.FieldStyle {
	styles := map[configv1.RateLimits_Headers]ratelimit.FieldStyle{
		configv1.RateLimits_HEADERS_DRAFT_03: ratelimit.FieldsDraft03,
		configv1.RateLimits_HEADERS_NONE:     ratelimit.FieldsNone,
	}
	return styles[cfg.GetHeaders()]
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
	return errors.Join(err, a.endOperations(), running.Wait(), a.close())
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
