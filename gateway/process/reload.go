package process

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/redis"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// reloading loads the configuration again when one of its files changes, and on
// SIGHUP.
type reloading struct {
	watcher *config.Watcher
	hangups <-chan os.Signal // nil: nobody sends any
	asked   atomic.Bool      // by a signal, and not told of yet
	reopen  func()           // files that somebody may have moved
}

// taken returns the hangups, which are the process's from now on.
func taken(hangup func() <-chan os.Signal) <-chan os.Signal {
	if hangup == nil {
		return nil
	}
	return hangup()
}

// addReloading has the configuration in force follow its files.
func (p *process) addReloading(options config.Options, hangups <-chan os.Signal) error {
	observe, err := countReloads(p.telemetry.MeterProvider)
	if err != nil {
		return err
	}
	watcher, err := config.NewWatcher(config.WatchOptions{
		Options: options,
		Current: p.loaded,
		Live:    p.live,
		Apply:   p.reconfigure,
		OnReload: func(r config.Reload) {
			observe(r)
			p.auditReload(r)
		},
		Logger: p.logs.Logger,
	})
	if err != nil {
		return err
	}
	p.reloading = &reloading{watcher: watcher, hangups: hangups, reopen: p.reopen}
	return observeExpiry(p.instruments(), watcher.Current)
}

// run watches until ctx ends.
func (r *reloading) run(ctx context.Context) error {
	running, ctx := errgroup.WithContext(ctx)
	running.Go(func() error { return r.watcher.Run(ctx) })
	for {
		select {
		case _, open := <-r.hangups:
			r.hungUp(open)
		case <-ctx.Done():
			return running.Wait()
		}
	}
}

// hungUp has the configuration loaded again. A channel that was closed tells
// nothing, now and later.
func (r *reloading) hungUp(open bool) {
	if !open {
		r.hangups = nil
		return
	}
	r.reopen()
	r.asked.Store(true)
	r.watcher.Reload()
}

// reopen opens what was rotated.
func (p *process) reopen() {
	if err := p.audit.Reopen(); err != nil {
		p.logs.Error("the audit log cannot be opened again", "error", err)
	}
}

// liveFields are the fields and blocks that take effect while a process runs.
var liveFields = []string{
	"allowed_origins",
	"auth",
	"cors",
	"http_listener.tls",
	"admin_access.tokens_file",
	"admin_listener.tls",
	"identity.jwks_file", // the services' alone
	"identity.jwks_url",
	"logging.access",
	"logging.level",
	"overrides",
	"rate_limits.headers",
	"redis.password",
	"redis.password_file",
	"redis.sentinel_password",
	"redis.sentinel_password_file",
	"redis.sentinel_username",
	"redis.username",
	"telemetry.sample_ratio",
	"trusted_proxies",
	"webhooks",
}

// serviceFields are those that a service reads once.
var serviceFields = []string{
	"logging.format", "shutdown", "telemetry.otlp_endpoint", "telemetry.otlp_insecure", "telemetry.otlp_protocol",
}

// live tells whether a change of a field takes effect while the process runs. A
// service has nothing to do for most of them.
func (p *process) live(path string, started, next *config.Loaded) bool {
	if p.verifier == nil && config.Within(path, "auth.jwks_file", "auth.issuer", "auth.audience", "auth.development_keys") {
		return false // what verifies no tokens was built without a verifier
	}
	if p.gateway != nil {
		return live(path, started, next)
	}
	for _, block := range p.program.Extensions {
		if config.Within(path, block.Name) {
			return false
		}
	}
	if config.Within(path, "identity.issuer", "identity.jwks_file", "identity.jwks_url") {
		return p.identity != nil
	}
	return !config.Within(path, serviceFields...)
}

// live tells whether a gateway can change a field while it runs. What was absent at the start, or is now, changes what the process is built of;
// and a name goes with its password.
func live(path string, started, next *config.Loaded) bool {
	switch {
	case path == "overrides":
		return stand(started, next)
	case path == "auth.api_keys_file":
		return started.Config.GetAuth().GetApiKeysFile() != "" // taken away, no key is known any more
	case path == adminTokensField:
		return present(started, next, func(l *config.Loaded) bool { return l.Config.GetAdminAccess().GetTokensFile() != "" })
	case config.Within(path, "http_listener.tls"):
		return present(started, next, func(l *config.Loaded) bool { return l.Config.GetHttpListener().GetTls() != nil })
	case config.Within(path, "admin_listener.tls"):
		return present(started, next, func(l *config.Loaded) bool { return l.Config.GetAdminListener().GetTls() != nil })
	case config.Within(path, "redis.username", "redis.password", "redis.password_file"):
		return present(started, next, func(l *config.Loaded) bool { return l.RedisPassword().Reveal() != "" })
	case config.Within(path, "redis.sentinel_username", "redis.sentinel_password", "redis.sentinel_password_file"):
		return present(started, next, func(l *config.Loaded) bool { return l.SentinelPassword().Reveal() != "" })
	case path == signingKeys:
		return started.File(path).Path != "" && next.File(path).Path != ""
	case upstreamFile(path):
		return started.File(path).Path == next.File(path).Path // only its content has changed
	}
	return config.Within(path, liveFields...)
}

// stand tells whether the overrides of next can be in force without what next has
// and the process started without: limits may need Redis, and credentials keys.
func stand(started, next *config.Loaded) bool {
	came := func(is func(*config.Loaded) bool) bool { return is(next) && !is(started) }
	redisWaits := came(func(l *config.Loaded) bool { return len(l.Config.GetRedis().GetAddresses()) > 0 })
	keysWait := came(func(l *config.Loaded) bool { return l.Config.GetAuth().GetApiKeysFile() != "" })
	return !slices.ContainsFunc(next.Config.GetOverrides(), func(o *configv1.PolicyOverride) bool {
		return redisWaits && len(o.GetPolicy().GetRateLimits()) > 0 || keysWait && o.GetPolicy().GetAuth() != nil
	})
}

func present(started, next *config.Loaded, is func(*config.Loaded) bool) bool {
	return is(started) && is(next)
}

// upstreamFile tells whether a field names a file of an upstream's TLS, which is
// read again for each new connection.
func upstreamFile(path string) bool {
	return strings.HasPrefix(path, "upstreams.") && strings.HasSuffix(path, "_file")
}

// reconfigure puts what can change while the process runs in force. Everything is
// checked first, and the overrides, which can fail, go before what cannot, so that
// a refused configuration changes nothing.
func (p *process) reconfigure(_ context.Context, next *config.Loaded, _ []config.Change) error {
	if p.gateway == nil {
		return p.reconfigureService(next)
	}
	ready, err := prepare(p.preparation(next))
	if err != nil {
		return err
	}
	if err := p.keepsKeys(ready.verifier, next); err != nil {
		return err
	}
	exported, err := p.exported(next)
	if err != nil {
		return err
	}
	if err := p.checkWebhooks(ready.webhooks); err != nil {
		return err
	}
	if err := p.overriding.follow(ready.overrides); err != nil {
		return keyless(next, err)
	}
	if err := p.setCredentials(ready.redis); err != nil {
		return err
	}
	if err := p.gateway.Reconfigure(ready.settings); err != nil {
		return err
	}
	p.trustProxies(ready.settings)
	if err := p.telemetry.SetSampleRatio(exported.SampleRatio); err != nil {
		return err
	}
	if err := p.setWebhooks(ready.webhooks); err != nil {
		return err
	}
	p.setVerifier(ready.verifier)
	p.setKeys(ready.apiKeys)
	if p.adminTokens != nil && ready.adminTokens != nil {
		p.adminTokens.Store(&ready.adminTokens)
	}
	if ready.signingKeys != nil && p.signer != nil && p.loaded.Config.GetIdentity().GetSigningKeysFile() != "" {
		if err := p.signer.SetKeys(ready.signingKeys); err != nil {
			return err
		}
	}
	for block, server := range map[string]*webServer{httpListener: p.http, adminListener: p.admin} {
		if certificate := ready.certificates[block]; certificate != nil && server.certificate != nil {
			server.certificate.Store(certificate)
		}
	}
	p.logs.setLevel(next.Config.GetLogging().GetLevel())
	return nil
}

// reconfigureService does the same for a service, which verifies tokens and
// serves no HTTP.
func (p *process) reconfigureService(next *config.Loaded) error {
	making := p.preparation(next)
	verifier, gateways := making.verifier(), making.identityVerifier(p.local[0].name)
	if err := errors.Join(append(making.errs, p.keepsKeys(verifier, next))...); err != nil {
		return err
	}
	exported, err := p.exported(next)
	if err != nil {
		return err
	}
	if err := p.telemetry.SetSampleRatio(exported.SampleRatio); err != nil {
		return err
	}
	p.setVerifier(verifier)
	if gateways == nil {
		gateways = unready{} // taken away, no gateway's word is taken any more
	}
	if p.identity != nil {
		p.identity.Store(&gateways)
	}
	p.logs.setLevel(next.Config.GetLogging().GetLevel())
	return nil
}

// keepsKeys refuses a configuration that has no keys any more.
func (p *process) keepsKeys(next auth.Verifier, loaded *config.Loaded) error {
	if p.verifier == nil || next != nil {
		return nil
	}
	return loaded.Fault("auth.jwks_file", keysNeeded)
}

// setVerifier puts a verifier in force where one was at the start.
func (p *process) setVerifier(verifier auth.Verifier) {
	if p.verifier != nil && verifier != nil {
		p.verifier.Store(&verifier)
	}
}

// setKeys puts API keys in force: where there are none any more, no key is right.
func (p *process) setKeys(keys auth.KeyVerifier) {
	if keys == nil {
		keys = &auth.APIKeys{}
	}
	if p.apiKeys != nil {
		p.apiKeys.Store(&keys)
	}
}

// setCredentials has Redis' next connections authenticate by what is configured
// now.
func (p *process) setCredentials(o *redis.Options) error {
	if p.redis == nil || o == nil {
		return nil
	}
	return p.redis.SetCredentials(redis.Credentials{
		Username: o.Username, Password: o.Password,
		SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
	})
}
