package process

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/admin/recent"
	"github.com/venta-hq/venta/gateway/audit"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/identity"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/events"
	"github.com/venta-hq/venta/gateway/health"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/telemetry/export"
	"github.com/venta-hq/venta/gateway/webhook"
)

// process is what one process runs. Parts are added, then served together, then
// ended in the reverse order: the gateway before the services that it calls, the
// services before what they use.
type process struct {
	program Program
	origin
	dev    bool           // whether it runs everything that the program has
	loaded *config.Loaded // what the process started with
	logs   *processLog

	timing    shutdownTiming
	ending    atomic.Bool // readiness is off
	telemetry *export.Providers
	traced    bool // whether traces go anywhere

	verifier *liveVerifier    // nil until it is known, and where no token is right
	apiKeys  *liveKeys        // nil: none are configured
	webhooks *webhook.Secrets // nil: it takes no deliveries
	identity *liveVerifier    // of a service that runs alone; nil: it takes nobody's word
	signer   *identity.Signer // nil: nobody gets this process's word
	redis    *redis.Client    // nil: none is configured

	adminTokens  *liveKeys           // nil: nobody needs any
	dependencies []health.Dependency // of local services
	changes      signals             // of upstreams
	redisChanged chan struct{}

	events        *events.Options // where the log of events is; nil: nowhere
	eventsConn    *events.Conn    // nil: nothing is purged by events
	eventsChanged chan struct{}

	gateway    *gateway.Gateway // nil: the process is a service
	overriding *overriding      // of that gateway
	health     *health.Health
	http       *webServer
	admin      *webServer
	local      []localService

	audit   *audit.Log     // nil until it is open
	audited *config.Loaded // what the audit log has told of last

	history   *recent.History
	refusals  *telemetry.Refusals
	reloading *reloading  // nil: the configuration stays
	closers   []io.Closer // in the order of opening
}

// origin is what a process has from its command.
type origin struct {
	name    string // that telemetry bears
	data    string
	environ []string
}

// newProcess returns a process without parts, whose telemetry bears the name.
// From here on it logs as it is configured.
func newProcess(ctx context.Context, p Program, of origin, loaded *config.Loaded, logs *processLog) (*process, error) {
	cfg := loaded.Config
	if err := logs.configure(cfg.GetLogging()); err != nil {
		return nil, err
	}
	exported, err := p.telemetryConfig(of.name, loaded, of.environ)
	if err != nil {
		return nil, err
	}
	if exported.OTLPEndpoint == "" && cfg.GetTelemetry().GetOtlpEndpoint() != "" {
		logs.Warn("no traces are exported", "because", "OTEL_SDK_DISABLED is true")
	}
	exported.Logger = logs.Logger
	exporting, err := export.Start(ctx, exported)
	if err != nil {
		return nil, err
	}
	made := &process{
		program: p, origin: of, loaded: loaded, logs: logs,
		timing:    newShutdownTiming(cfg.GetShutdown()),
		telemetry: exporting, traced: exported.OTLPEndpoint != "",
		refusals: telemetry.NewRefusals(),
		changes:  signals{}, redisChanged: make(chan struct{}, 1),
	}
	if err := errors.Join(made.addAudit(), made.addDisks()); err != nil {
		return nil, made.abandon(err)
	}
	return made, nil
}

// start makes the process of a gateway. What it returns listens already.
func start(ctx context.Context, p Program, o Options, loaded *config.Loaded, logs *processLog) (*process, error) {
	running, err := newProcess(ctx, p, origin{p.Name, o.Data, o.Environ}, loaded, logs)
	if err != nil {
		return nil, err
	}
	if o.Local && !loaded.Written(delayField) {
		running.timing.delay = 0 // no balancer is there that would have to notice
	}
	running.dev = o.Local
	if err := running.addAll(ctx, o); err != nil {
		return nil, running.abandon(err)
	}
	running.warn()
	return running, nil
}

func (p *process) addAll(ctx context.Context, o Options) error {
	hangups := taken(o.Hangup) // now: a start may take a while
	ready, err := prepare(p.preparation(p.loaded))
	if err != nil {
		return err
	}
	p.hold(ready)
	if err := p.addSigner(ready.signingKeys, o.Local); err != nil {
		return err
	}
	if err := p.addLog(ctx, ready.events, o.Local); err != nil {
		return err
	}
	conns := connections{}
	p.closers = append(p.closers, conns)
	if o.Local {
		if err := p.addLocal(ctx, conns); err != nil {
			return err
		}
	}
	for name, options := range ready.upstreams {
		options.OnChange = p.changes.onChange(name)
		ready.upstreams[name] = options
	}
	if err := conns.connect(p.loaded, ready.upstreams); err != nil {
		return err
	}
	if err := p.addGateway(ctx, ready, conns, o.Local); err != nil {
		return err
	}
	if err := p.addListeners(ready, conns); err != nil {
		return err
	}
	return p.addReloading(p.program.configOptions(o), hangups)
}

// preparation makes what the configuration says for this process.
func (p *process) preparation(loaded *config.Loaded) preparation {
	return preparation{program: p.program, loaded: loaded, devKeys: p.devKeys(loaded), onRemoteKeys: p.auditRemoteKeys}
}

// warn tells once what is right and yet worth a look.
func (p *process) warn() {
	for _, notice := range p.loaded.Notices(time.Now()) {
		p.logs.Warn(notice.Message, "field", notice.Field, "source", notice.Source.String())
	}
}

// started tells where the process serves.
func (p *process) started() Started {
	return Started{HTTPURL: p.http.url, AdminURL: p.admin.url, Data: p.data}
}

// serve runs until ctx ends or a part fails, then drains and closes all.
// onStart is called once everything serves; an error of it is that of a part.
func (p *process) serve(ctx context.Context, onStart func() error) error {
	asked := ctx
	running, ctx := errgroup.WithContext(ctx)
	// Local services end when the gateway has, not when ctx does.
	servicesCtx, endServices := context.WithCancel(context.WithoutCancel(ctx))
	defer endServices()
	for _, s := range p.local {
		running.Go(func() error { return s.serve(servicesCtx) })
	}
	for _, s := range p.web() {
		running.Go(s.serve)
	}
	if p.reloading != nil {
		running.Go(func() error { return p.reloading.run(ctx) })
	}
	if p.history != nil {
		running.Go(func() error { p.history.Run(ctx); return nil })
	}
	if p.health != nil {
		running.Go(func() error { p.health.Run(servicesCtx); return nil })
		p.health.SetReady(true)
	}
	running.Go(onStart)
	p.auditStart()
	<-ctx.Done()
	p.auditStop(asked)
	p.overriding.forget()
	err := p.drain()
	endServices()
	return errors.Join(err, p.endAdmin(), running.Wait(), p.close())
}

// web returns the addresses that are served.
func (p *process) web() []*webServer {
	var all []*webServer
	for _, s := range []*webServer{p.http, p.admin} {
		if s != nil {
			all = append(all, s)
		}
	}
	return all
}

// hold keeps what verifies credentials, so that a reload can put others in its
// place.
func (p *process) hold(ready prepared) {
	if ready.verifier != nil {
		p.verifier = &liveVerifier{}
		p.verifier.Store(&ready.verifier)
	}
	if ready.apiKeys != nil {
		p.apiKeys = &liveKeys{}
		p.apiKeys.Store(&ready.apiKeys)
	}
	if ready.adminTokens != nil {
		p.adminTokens = &liveKeys{}
		p.adminTokens.Store(&ready.adminTokens)
	}
}

// liveVerifier is the verifier of the configuration in force.
type liveVerifier struct{ atomic.Pointer[auth.Verifier] }

// Verify implements auth.Verifier.
func (v *liveVerifier) Verify(ctx context.Context, token string) (*auth.Principal, error) {
	return (*v.Load()).Verify(ctx, token)
}

// liveKeys knows the API keys of the configuration in force.
type liveKeys struct {
	atomic.Pointer[auth.KeyVerifier]
}

// VerifyKey implements auth.KeyVerifier.
func (k *liveKeys) VerifyKey(ctx context.Context, key string) (*auth.Principal, error) {
	return (*k.Load()).VerifyKey(ctx, key)
}
