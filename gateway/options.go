package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/identity"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/stream"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/webhook"
)

// Options configures a [Gateway]. The zero value serves RPCs that need no
// authentication.
type Options struct {
	// Logger takes the access log and what goes wrong. Default: slog.Default().
	Logger *slog.Logger
	// Verifier verifies bearer tokens, such as an [auth.JWT]. Without it,
	// registering an RPC that looks at credentials fails.
	Verifier auth.Verifier
	// APIKeys verifies API keys, such as [auth.APIKeys]. Without it, registering an
	// RPC that accepts them fails.
	APIKeys auth.KeyVerifier
	// Webhooks are the secrets that deliveries are verified with. Without those that an
	// RPC names, registering it fails.
	Webhooks *webhook.Secrets
	// Identity says what upstreams learn of the callers that the gateway has
	// verified. Default: who they are, as metadata x-venta-* that no client can write.
	Identity identity.Options
	// AnonymousCalls keeps from upstreams who the caller is.
	AnonymousCalls bool
	// Settings are what may change while the gateway serves.
	Settings Settings
	// Middleware and Interceptors are steps of the program's own, at the places of
	// the stack that their fields name. Default: none.
	Middleware   Middleware
	Interceptors Interceptors
	// Routes are handlers beside the generated routes, by their pattern
	// ("GET /docs/{page}", as [http.ServeMux] has it). A path that an RPC has is
	// that RPC's. They pass the steps in front of all routes and no RPC's policy.
	// Default: none.
	Routes map[string]http.Handler
	// ForwardHeaders are the headers of clients that every service may see, beside
	// those that an RPC names (forward.headers), under grpc-gateway's metadata keys:
	// "grpcgateway-accept-language" for Accept-Language, "x-tenant" for X-Tenant.
	// Stored responses vary on them. At most 16. Default: none; Authorization and
	// what clients name Grpc-Metadata- travel in any case.
	ForwardHeaders []string
	// RateLimits says how limits are kept.
	RateLimits RateLimitOptions
	// CacheMaxBytes bounds the stored responses. Default: 64 MiB.
	CacheMaxBytes int64
	// CacheRemote is level 2 of stored responses, which a fleet shares, such as
	// gateway/cache/rediscache makes it. It is closed after the gateway.
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
	// MaxStreams is the most streams that are open at a time, of all RPCs with a stream
	// block. Default: 10000.
	MaxStreams int
	// StreamTickets keeps the tickets that open WebSockets, such as
	// gateway/stream/redisticket does for a fleet. Default: in memory; a ticket is then
	// taken by the process that gave it.
	StreamTickets stream.TicketStore
	// MeterProvider takes the metrics that gateway/telemetry describes. Default:
	// none are made.
	MeterProvider metric.MeterProvider
	// NativeHistograms tells that the MeterProvider makes exponential histograms, as
	// package gateway/telemetry/export can. They need no bucket at the latency of
	// each objective, so that RPCs may promise any number of different ones.
	NativeHistograms bool
	// TracerProvider takes a span for each request and each attempt of a call;
	// its sampler decides which. Default: none are made.
	TracerProvider trace.TracerProvider
	// TracedAfterwards has requests traced once they are over that were not sampled,
	// and have failed or were slow. Default: none.
	TracedAfterwards telemetry.Afterwards
	// OnRequest, where set, is told each request that has ended, by the goroutine that
	// served it: it must not wait. Default: nobody is told.
	OnRequest func(*telemetry.Ended)
	// Refusals remembers requests that were refused, for operators to look at. Default:
	// nobody does.
	Refusals *telemetry.Refusals
	// Propagator carries the trace from trusted proxies and to upstreams. Default:
	// it ends at the gateway.
	Propagator propagation.TextMapPropagator
	// UncompressedResponses sends all responses in their plain encoding. Default:
	// gzip, brotli or zstd, as gateway/compression negotiates.
	UncompressedResponses bool
	// OnPurge, where set, is asked before what an operator purges (PurgeHandler). With an
	// error it is not done.
	OnPurge func(*http.Request, cache.Purge) error
	// OnOverrideExpired, where set, is told each override that has expired, once it is
	// out of force. It must not call the Gateway.
	OnOverrideExpired func(Override)
	// MuxOptions adapt how messages and metadata are presented. They come after
	// the gateway's own and win over them. What a header matcher or an annotator of
	// metadata lets travel is in the key of stored responses.
	MuxOptions []runtime.ServeMuxOption
}

// RateLimitOptions says how limits are kept. The zero value keeps them
// in memory.
type RateLimitOptions struct {
	// MaxBytes is the most that all limits by key remember together. Default:
	// [ratelimit.DefaultMaxBytes].
	MaxBytes int64
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
	defaultMaxStreams      = 10_000
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
	if o.MaxStreams < 0 {
		errs = append(errs, fmt.Errorf("MaxStreams is negative: %d", o.MaxStreams))
	}
	o.MaxStreams = cmp.Or(o.MaxStreams, defaultMaxStreams)
	if o.StreamTickets == nil {
		o.StreamTickets = &stream.MemoryTickets{}
	}
	for _, fault := range policy.CheckForwardedByAll("ForwardHeaders", o.ForwardHeaders) {
		errs = append(errs, errors.New(fault.String()))
	}
	errs = append(errs, o.Settings.Validate(),
		notNil("Verifier", o.Verifier), notNil("APIKeys", o.APIKeys), o.Middleware.validate(), o.Interceptors.validate())
	return o, errors.Join(errs...)
}

// notNil refuses a nil pointer in an interface, which would pass for a value.
func notNil(field string, value any) error {
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("%s is a nil %s; leave it out", field, v.Type())
	}
	return nil
}
