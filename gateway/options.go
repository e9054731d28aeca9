package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

// Options configures a [Gateway]. The zero value serves RPCs that need no
// authentication.
type Options struct {
	// Logger takes the access log and what goes wrong. Default: slog.Default().
	Logger *slog.Logger
	// Verifier checks bearer tokens. Without it, registering an RPC that looks
	// at credentials fails.
	Verifier *auth.Verifier
	// APIKeys knows API keys. Without it, registering an RPC that accepts them
	// fails.
	APIKeys *auth.APIKeys
	// TrustedProxies may say in X-Forwarded-For who the client is. Default:
	// none; the peer's address is the client's.
	TrustedProxies []netip.Prefix
	// RateLimits says how limits are kept and told.
	RateLimits RateLimitOptions
	// AllowedOrigins are the browsers' origins that may call with credentials
	// (CORS), such as "https://venta.example". Default: none.
	AllowedOrigins []string
	// CacheMaxBytes bounds the stored answers. Default: 64 MiB.
	CacheMaxBytes int64
	// CacheRemote is level 2 of stored responses, which a fleet shares, such
	// as gateway/cache/rediscache makes it. It is closed after the gateway.
	// Default: none; each process stores and purges alone.
	CacheRemote cache.Remote
	// IgnoreUnknownQuery passes over query parameters that name no field of the
	// request. Default: they are refused with HTTP 400, as unknown fields of a
	// body are.
	IgnoreUnknownQuery bool
	// MaxRequestBytes bounds a request's body where the RPC has no bound of its
	// own, and each message of a client's stream. Default: 4 MiB.
	MaxRequestBytes int64
	// MaxResponseBytes bounds an upstream's message where the RPC has no bound
	// of its own. Default: 4 MiB.
	MaxResponseBytes int64
	// MeterProvider takes the metrics that gateway/telemetry describes. Default:
	// none are made.
	MeterProvider metric.MeterProvider
	// TracerProvider takes a span for each request and each attempt of a call;
	// its sampler decides which. Default: none are made.
	TracerProvider trace.TracerProvider
	// Propagator carries the trace from clients and to upstreams. Default: it
	// ends at the gateway.
	Propagator propagation.TextMapPropagator
	// UncompressedAnswers sends all answers in their plain encoding. Default:
	// gzip, brotli or zstd, as gateway/compression negotiates.
	UncompressedAnswers bool
	// MuxOptions adapt how messages and metadata are presented. They come after
	// the gateway's own and win over them.
	MuxOptions []runtime.ServeMuxOption
}

// RateLimitOptions says how limits are kept and told. The zero value keeps them
// in memory.
type RateLimitOptions struct {
	// MaxKeys is the most keys that are remembered for each RPC with limits.
	// Default: [ratelimit.DefaultMaxKeys].
	MaxKeys int
	// Fields is the form of the answers' fields.
	Fields ratelimit.FieldStyle
	// Store keeps the counts of shared limits. Without it, registering an RPC
	// with one fails, unless the process is alone.
	Store ratelimit.Store
	// Alone says that this process is the whole fleet, so that what it counts in
	// memory is what all count together.
	Alone bool
}

const (
	defaultCacheMaxBytes   = 64 << 20
	defaultMaxMessageBytes = 4 << 20
)

// withDefaults fills the defaults in and checks what is given.
func (o Options) withDefaults() (Options, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	var errs []error
	for _, bound := range []struct {
		name  string
		value *int64
		unset int64
	}{
		{"CacheMaxBytes", &o.CacheMaxBytes, defaultCacheMaxBytes},
		{"MaxRequestBytes", &o.MaxRequestBytes, defaultMaxMessageBytes},
		{"MaxResponseBytes", &o.MaxResponseBytes, defaultMaxMessageBytes},
	} {
		if *bound.value < 0 {
			errs = append(errs, fmt.Errorf("%s is negative: %d", bound.name, *bound.value))
		}
		if *bound.value == 0 {
			*bound.value = bound.unset
		}
	}
	for _, origin := range o.AllowedOrigins {
		if err := checkOrigin(origin); err != nil {
			errs = append(errs, err)
		}
	}
	return o, errors.Join(errs...)
}

// checkOrigin refuses what could open the API to every site: credentials are
// allowed, so a wildcard must not be.
func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("origin %q: must be SCHEME://HOST[:PORT]", origin)
	}
	return nil
}
