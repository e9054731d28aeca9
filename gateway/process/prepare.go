package process

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/events"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/upstream"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// The blocks of the listeners that can have a certificate.
const (
	httpListener  = "http_listener"
	adminListener = "admin_listener"
)

// prepared is a configuration in the form that a gateway is built of. The start,
// a reload and config check make it by the same functions, so that what one of
// them accepts the others do.
type prepared struct {
	verifier     auth.Verifier               // nil: no token is right
	apiKeys      auth.KeyVerifier            // nil: none are configured
	webhooks     map[string][]string         // the values of secrets, by name
	adminTokens  auth.KeyVerifier            // nil: nobody needs any
	certificates map[string]*tls.Certificate // by the listener's block
	signingKeys  jwk.Set                     // nil: the process has its own
	settings     gateway.Settings
	headers      []string        // that travel to every service
	redis        *redis.Options  // nil: none is configured
	events       *events.Options // nil: no log is configured
	purges       []events.Rule
	upstreams    map[string]upstream.Options
	overrides    []gateway.Override
}

// preparation makes a prepared.
type preparation struct {
	program Program
	loaded  *config.Loaded
	// devKeys returns what verifies tokens where no keys are configured; nil where
	// nothing may.
	devKeys func() (auth.Verifier, error)
	// noFiles leaves out what only files tell.
	noFiles bool
	// onRemoteKeys is told of keys at an address that have changed; nil: nobody is.
	onRemoteKeys func(before, now jwk.Set)

	errs []error
}

// prepare returns everything that is wrong at once.
func prepare(p preparation) (prepared, error) {
	made := prepared{
		verifier:     p.verifier(),
		apiKeys:      p.apiKeys(),
		webhooks:     p.webhooks(),
		adminTokens:  p.adminTokens(),
		certificates: p.certificates(),
		signingKeys:  p.signingKeys(),
		settings:     p.settings(),
		headers:      p.headers(),
		redis:        p.redis(),
		events:       p.events(),
		purges:       p.purges(),
		upstreams:    p.upstreams(),
		overrides:    overridesOf(p.loaded),
	}
	return made, errors.Join(p.errs...)
}

// wrong keeps a fault of a field.
func (p *preparation) wrong(field string, err error) {
	p.errs = append(p.errs, p.loaded.Fault(field, err.Error()))
}

// verifier verifies tokens with the program's verifier, the configured keys, or
// the development keys where they may be used.
func (p *preparation) verifier() auth.Verifier {
	cfg := p.loaded.Config.GetAuth()
	const field = "auth.jwks_file"
	switch {
	case p.noFiles && (p.program.Verifier != nil || cfg.GetJwksFile() != ""):
		return unready{}
	case p.program.Verifier != nil:
		verifier, err := p.program.Verifier(p.loaded)
		if err == nil && verifier == nil {
			err = errors.New("the program's Verifier returned none")
		}
		if err != nil {
			p.wrong("auth", err)
		}
		return verifier
	case cfg.GetJwksFile() == "":
		verifier, err := p.devKeys()
		if err != nil {
			p.errs = append(p.errs, err)
		}
		return verifier
	}
	return p.configuredKeys(field)
}

// configuredKeys verifies tokens with the keys of the file that the field names.
func (p *preparation) configuredKeys(field string) auth.Verifier {
	cfg := p.loaded.Config.GetAuth()
	file := p.loaded.File(field)
	keys, err := auth.ParseKeys(file.Path, []byte(file.Content.Reveal()))
	if err != nil {
		p.wrong(field, err)
		return nil
	}
	verifier, err := auth.NewJWT(auth.JWTOptions{
		Keys: keys, Issuer: cfg.GetIssuer(), Audience: cmp.Or(cfg.GetAudience(), devkeys.Audience),
		TokenType: cfg.GetTokenType(), Algorithms: cfg.GetAlgorithms(),
	})
	if err != nil {
		p.wrong(field, err)
		return nil
	}
	return verifier
}

// openDevKeys makes what verifies tokens of the development keys, and the keys.
func openDevKeys(cfg *configv1.Auth, data string) (auth.Verifier, error) {
	keys, err := devkeys.Open(data)
	if err != nil {
		return nil, err
	}
	return auth.NewJWT(auth.JWTOptions{
		Keys:     keys.Public(),
		Issuer:   cmp.Or(cfg.GetIssuer(), devkeys.Issuer),
		Audience: cmp.Or(cfg.GetAudience(), devkeys.Audience),
	})
}

// apiKeys knows the configured API keys.
func (p *preparation) apiKeys() auth.KeyVerifier {
	const field = "auth.api_keys_file"
	configured := p.loaded.Config.GetAuth().GetApiKeysFile() != ""
	switch {
	case p.noFiles && (p.program.APIKeys != nil || configured):
		return unready{}
	case p.program.APIKeys != nil:
		keys, err := p.program.APIKeys(p.loaded)
		if err != nil {
			p.wrong("auth", err)
		}
		return keys
	case !configured:
		return nil
	}
	file := p.loaded.File(field)
	keys, err := auth.ParseAPIKeys(file.Path, []byte(file.Content.Reveal()))
	if err != nil {
		p.wrong(field, err)
		return nil
	}
	return keys
}

// unready stands for credentials that only a running process has. It verifies
// nothing.
type unready struct{}

var errUnready = errors.New("this process verifies no credentials")

// Verify implements auth.Verifier.
func (unready) Verify(context.Context, string) (*auth.Principal, error) { return nil, errUnready }

// VerifyKey implements auth.KeyVerifier.
func (unready) VerifyKey(context.Context, string) (*auth.Principal, error) { return nil, errUnready }

// certificates returns those of the listeners that are served by TLS.
func (p *preparation) certificates() map[string]*tls.Certificate {
	found := map[string]*tls.Certificate{}
	listeners := map[string]*configv1.Listener{
		httpListener:  p.loaded.Config.GetHttpListener(),
		adminListener: p.loaded.Config.GetAdminListener(),
	}
	for _, block := range []string{httpListener, adminListener} {
		if listeners[block].GetTls() == nil || p.noFiles {
			continue
		}
		chain, key := p.loaded.File(block+".tls.cert_file"), p.loaded.File(block+".tls.key_file")
		pair, err := tls.X509KeyPair([]byte(chain.Content.Reveal()), []byte(key.Content.Reveal()))
		if err != nil {
			p.wrong(block+".tls", fmt.Errorf("%s and %s: %w", chain.Path, key.Path, err))
			continue
		}
		found[block] = &pair
	}
	return found
}

// settings are what a gateway can change while it serves.
func (p *preparation) settings() gateway.Settings {
	cfg := p.loaded.Config
	proxies, err := config.TrustedProxies(cfg)
	if err != nil {
		p.wrong("trusted_proxies", err)
	}
	styles := map[configv1.RateLimits_Headers]ratelimit.FieldStyle{
		configv1.RateLimits_HEADERS_DRAFT_03: ratelimit.FieldsDraft03,
		configv1.RateLimits_HEADERS_NONE:     ratelimit.FieldsNone,
	}
	settings := gateway.Settings{
		TrustedProxies:  proxies,
		AllowedOrigins:  cfg.GetAllowedOrigins(),
		AnyOrigin:       cfg.GetCors().GetAnyOrigin(),
		AllowedHeaders:  cfg.GetCors().GetAllowedHeaders(),
		ExposedHeaders:  cfg.GetCors().GetExposedHeaders(),
		RateLimitFields: styles[cfg.GetRateLimits().GetHeaders()],
	}
	settings.AccessLog = p.accessLog()
	if err := settings.Validate(); err != nil {
		p.errs = append(p.errs, err)
	}
	return settings
}

// accessLog says what the access log tells.
func (p *preparation) accessLog() telemetry.AccessOptions {
	const keyFile = "logging.access.principal_key_file"
	cfg := p.loaded.Config.GetLogging().GetAccess()
	ratio := cfg.GetSuccessRatio()
	o := telemetry.AccessOptions{SuccessRatio: &ratio, SlowAfter: cfg.GetSlowAfter().AsDuration()}
	switch cfg.GetPrincipal() {
	case configv1.AccessLog_PRINCIPAL_CLEAR:
		o.Principal = telemetry.PrincipalClear
	case configv1.AccessLog_PRINCIPAL_NONE:
		o.Principal = telemetry.PrincipalNone
	}
	if file := p.loaded.File(keyFile); file.Path != "" && !p.noFiles {
		o.PrincipalKey = []byte(file.Content.Reveal())
		if len(o.PrincipalKey) < telemetry.LeastPrincipalKey {
			p.wrong(keyFile, fmt.Errorf("%s holds %d bytes; a key has %d or more", file.Path, len(o.PrincipalKey), telemetry.LeastPrincipalKey))
			o.PrincipalKey = nil
		}
	}
	return o
}

// headers returns those that travel to every service.
func (p *preparation) headers() []string {
	listed := p.loaded.Config.GetForward().GetHeaders()
	for _, fault := range policy.CheckForwardedByAll("forward.headers", listed) {
		p.wrong(fault.Path, errors.New(fault.Problem+"; "+fault.Remedy))
	}
	return listed
}

// redis says where Redis is.
func (p *preparation) redis() *redis.Options {
	cfg := p.loaded.Config.GetRedis()
	if len(cfg.GetAddresses()) == 0 {
		return nil
	}
	options := &redis.Options{
		Addresses:        cfg.GetAddresses(),
		Sentinel:         cfg.GetMasterName(), // empty but in mode sentinel
		Cluster:          cfg.GetMode() == configv1.Redis_MODE_CLUSTER,
		Username:         cfg.GetUsername(),
		Password:         p.loaded.RedisPassword().Reveal(),
		SentinelUsername: cfg.GetSentinelUsername(),
		SentinelPassword: p.loaded.SentinelPassword().Reveal(),
		DB:               int(cfg.GetDb()),
		KeyPrefix:        cfg.GetKeyPrefix(),
		Timeout:          cfg.GetTimeout().AsDuration(),
		RequestBudget:    max(cfg.GetRequestBudget().AsDuration(), cfg.GetTimeout().AsDuration()),
		DialTimeout:      cfg.GetDialTimeout().AsDuration(),
	}
	if files := cfg.GetTls(); files != nil && !files.GetDisabled() && !p.noFiles {
		secured, err := p.clientTLS("redis.tls", files)
		if err != nil {
			p.wrong("redis.tls", err)
		}
		options.TLS = secured
	}
	if err := options.Validate(); err != nil && !p.noFiles { // a file may hold what is missing
		p.wrong("redis", err)
	}
	return options
}

// clientTLS makes what a connection to a server is secured by.
func (p *preparation) clientTLS(block string, files *configv1.Tls) (*tls.Config, error) {
	secured := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: files.GetServerName()}
	if files.GetCaFile() != "" {
		authorities := p.loaded.File(block + ".ca_file")
		secured.RootCAs = x509.NewCertPool()
		if !secured.RootCAs.AppendCertsFromPEM([]byte(authorities.Content.Reveal())) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", authorities.Path)
		}
	}
	if files.GetCertFile() != "" {
		chain, key := p.loaded.File(block+".cert_file"), p.loaded.File(block+".key_file")
		pair, err := tls.X509KeyPair([]byte(chain.Content.Reveal()), []byte(key.Content.Reveal()))
		if err != nil {
			return nil, fmt.Errorf("%s and %s: %w", chain.Path, key.Path, err)
		}
		secured.Certificates = []tls.Certificate{pair}
	}
	return secured, nil
}

// overridesOf returns the configured overrides, each with its place.
func overridesOf(loaded *config.Loaded) []gateway.Override {
	var all []gateway.Override
	for i, o := range loaded.Config.GetOverrides() {
		expires, _ := time.Parse(time.RFC3339, o.GetExpires()) // checked; zero where it is empty
		all = append(all, gateway.Override{
			Methods: o.GetMethods(),
			Policy:  o.GetPolicy(),
			Expires: expires,
			Reason:  o.GetReason(),
			Source:  loaded.Source(fmt.Sprintf("overrides[%d]", i)).String(),
		})
	}
	return all
}
