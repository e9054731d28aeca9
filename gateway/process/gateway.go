package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin"
	"github.com/venta-hq/venta/gateway/admin/overrides"
	"github.com/venta-hq/venta/gateway/admin/page"
	"github.com/venta-hq/venta/gateway/auth/identity"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/ratelimit/redislimit"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/stream/redisticket"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// addGateway builds the gateway on its connections. Where it is alone, what
// gateways would share without Redis is its own.
func (p *process) addGateway(ctx context.Context, ready prepared, conns connections, alone bool) error {
	options := p.program.gatewayOptions(p.loaded, ready)
	options.Logger = p.logs.Logger
	options.Verifier = p.verified()
	if p.apiKeys != nil {
		options.APIKeys = p.apiKeys
	}
	options.Webhooks = p.addWebhooks(ready.webhooks)
	p.tellUpstreams(&options, alone)
	options.OnPurge, options.OnOverrideExpired = p.auditPurge, p.auditExpired
	options.MeterProvider = p.telemetry.MeterProvider
	options.NativeHistograms = p.loaded.Config.GetTelemetry().GetNativeHistograms()
	options.TracerProvider = p.telemetry.TracerProvider
	options.TracedAfterwards = p.afterwards()
	options.Refusals = p.refusals
	options.Propagator = p.telemetry.Propagator
	if ready.redis == nil {
		options.RateLimits.Alone = alone
	} else if err := p.share(ctx, *ready.redis, &options); err != nil {
		return err
	}
	if err := p.openEvents(ready); err != nil {
		return err
	}
	if err := p.addHealth(conns); err != nil {
		return err
	}
	options.Routes = p.program.routes(p.loaded, p.health.PublicHandler())
	var err error
	if p.gateway, err = p.program.newGateway(options, conns.called()); err != nil {
		return keyless(p.loaded, err)
	}
	p.closers = append(p.closers, p.gateway)
	p.overriding = &overriding{gateway: p.gateway, audit: p.audit, logger: p.logs.Logger}
	if err := p.overriding.follow(ready.overrides); err != nil {
		return keyless(p.loaded, err)
	}
	if err := observeOverrides(p.telemetry.MeterProvider, p.gateway); err != nil {
		return err
	}
	if err := p.addPurger(ready.purges); err != nil {
		return err
	}
	return observeUpstreams(p.telemetry.MeterProvider, conns)
}

// share opens what gateways share.
func (p *process) share(ctx context.Context, o redis.Options, options *gateway.Options) error {
	client, err := p.openRedis(ctx, o)
	if err != nil {
		return err
	}
	options.RateLimits.Store = redislimit.New(client)
	options.StreamTickets = redisticket.New(client)
	if !p.loaded.Config.GetCache().GetRemote() {
		return nil
	}
	remote, err := p.openRemoteCache(client)
	if err != nil {
		return err
	}
	options.CacheRemote = remote
	return nil
}

// gatewayOptions are those that config check and the start have in common.
func (p Program) gatewayOptions(loaded *config.Loaded, ready prepared) gateway.Options {
	cfg := loaded.Config
	return gateway.Options{
		Verifier:           ready.verifier,
		APIKeys:            ready.apiKeys,
		Identity:           identity.Options{Claims: cfg.GetIdentity().GetClaims()},
		AnonymousCalls:     cfg.GetIdentity().GetForm() == configv1.Identity_FORM_NONE,
		Settings:           ready.settings,
		ForwardHeaders:     ready.headers,
		CacheMaxBytes:      cfg.GetCache().GetMaxBytes(),
		IgnoreUnknownQuery: cfg.GetRequests().GetIgnoreUnknownQuery(),
		MaxRequestBytes:    cfg.GetLimits().GetMaxRequestBytes(),
		MaxResponseBytes:   cfg.GetLimits().GetMaxResponseBytes(),
		RateLimits:         gateway.RateLimitOptions{MaxBytes: cfg.GetRateLimits().GetMaxBytes()},
		MaxStreams:         int(cfg.GetStreams().GetMaxOpen()),
		Middleware:         p.Middleware,
		Interceptors:       p.Interceptors,
		MuxOptions:         p.MuxOptions,
		Routes:             p.routes(loaded, http.NotFoundHandler()),
	}
}

// newGateway returns a gateway with every service of the program.
func (p Program) newGateway(o gateway.Options, conns map[string]grpc.ClientConnInterface) (*gateway.Gateway, error) {
	gw, err := gateway.New(o)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range p.Upstreams.names() {
		for _, register := range p.Upstreams[name].Register {
			if err := register(gw, conns[name]); err != nil {
				errs = append(errs, fmt.Errorf("upstream %s: %w", name, err))
			}
		}
	}
	errs = append(errs, p.checkRoutes(gw, o.Routes))
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, gw.Close())
	}
	return gw, nil
}

// addListeners takes the process's two addresses.
func (p *process) addListeners(ready prepared, conns connections) error {
	cfg := p.loaded.Config
	var err error
	p.http, err = listen("--http", cfg.GetHttp(), cfg.GetHttpListener(), ready.certificates[httpListener], p.logs.Logger)
	if err != nil {
		return err
	}
	p.admin, err = listen("--admin", cfg.GetAdmin(), cfg.GetAdminListener(), ready.certificates[adminListener], p.logs.Logger)
	if err != nil {
		return err
	}
	p.http.BaseContext = p.gateway.BaseContext
	pages, err := p.pages(conns)
	if err != nil {
		return err
	}
	p.http.handle(p.gateway.Handler())
	p.admin.handle(p.announceEnd(pages))
	p.trustProxies(ready.settings)
	return observeListeners(p.telemetry.MeterProvider, map[string]*webServer{"http": p.http, "admin": p.admin})
}

// trustProxies tells listeners whose connections are those of many clients.
func (p *process) trustProxies(s gateway.Settings) {
	for _, server := range p.web() {
		server.guard.SetTrustedProxies(s.TrustedProxies)
	}
}

// pages are those of the admin address.
func (p *process) pages(conns connections) (http.Handler, error) {
	host, _, _ := net.SplitHostPort(p.loaded.Config.GetAdmin()) // it is listened on
	options := admin.Options{
		Access:    p.adminAccess(),
		Debug:     true,
		Health:    p.health.Handler(),
		Metrics:   p.telemetry.MetricsHandler(),
		Policies:  policiesHandler(p.gateway, p.logs.Logger),
		Upstreams: upstreamsHandler(conns, p.logs.Logger),
		Purge:     p.gateway.PurgeHandler(),
		Hosts:     append(slices.Clone(p.loaded.Config.GetAdminHosts()), host),
		Others:    p.program.AdminRoutes,
	}
	var err error
	if options.Overrides, err = overrides.New(p.overriding); err != nil {
		return nil, err
	}
	if p.signer != nil {
		options.IdentityKeys = p.signer
	}
	if p.telemetry.Gatherer != nil {
		if options.API, err = p.addAPI(); err != nil {
			return nil, err
		}
		options.Page = page.Handler()
	}
	return admin.New(options)
}
