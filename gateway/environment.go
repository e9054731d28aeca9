package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"buf.build/go/protovalidate"

	"github.com/venta-hq/venta/gateway/apiversion"
	"github.com/venta-hq/venta/gateway/auth/identity"
	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/compression"
	"github.com/venta-hq/venta/gateway/internal/assembly"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/stream"
	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/validate"
)

// newStore makes the store of responses. It keeps them as they are sent, by the
// rules of the compression in front of it.
func (g *Gateway) newStore() (*cache.Store, error) {
	o := g.options
	options := cache.Options{
		MaxBytes: o.CacheMaxBytes,
		Host:     func(r *http.Request) string { return g.live.Load().ClientIP.Host(r) },
		Jitter:   cache.DefaultJitter,
		Logger:   o.Logger,
		Remote:   o.CacheRemote,
		OnPurge:  o.OnPurge,

		CallsReported: true,
	}
	if !o.UncompressedResponses {
		encoder, err := compression.NewEncoder(compression.Options{})
		if err != nil {
			return nil, err
		}
		options.Encoder = encoder
	}
	return cache.NewStore(options)
}

// newEnvironment returns what the stacks of the gateway's own routes are built in.
func (g *Gateway) newEnvironment() (*assembly.Environment, error) {
	o := g.options
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("preparing validation: %w", err)
	}
	metrics, err := telemetry.NewMetrics(o.MeterProvider)
	if err != nil {
		return nil, err
	}
	memory, err := ratelimit.NewMemory(o.RateLimits.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("RateLimits.MaxBytes: %w", err)
	}
	g.observe(metrics, memory)
	env := &assembly.Environment{
		Logger:       o.Logger,
		Telemetry:    g.telemetry(metrics),
		Forward:      o.ForwardHeaders,
		ObserveCalls: o.MeterProvider != nil || o.TracerProvider != nil,
		Verifier:     o.Verifier,
		APIKeys:      o.APIKeys,
		Webhooks:     o.Webhooks,
		Elsewhere:    g.deliverElsewhere,
		Store:        g.store,
		FleetStore:   o.CacheRemote != nil,
		RateLimits:   assembly.RateLimits{Memory: memory, Store: o.RateLimits.Store, Alone: o.RateLimits.Alone, Start: time.Now()},
		Callers:      apiversion.NewCallers(),
		Live:         &g.live,
		OpenStreams:  &stream.Total{Max: int64(o.MaxStreams)},
		Tickets:      o.StreamTickets,
		Edge: assembly.Edge{
			Mux:                g.edge.Mux(),
			Plain:              len(o.MuxOptions) == 0,
			PassThrough:        len(o.Interceptors.Call)+len(o.Interceptors.Attempt) == 0,
			PassThroughStreams: len(o.Interceptors.StreamCall)+len(o.Interceptors.StreamAttempt) == 0,
			Validate:           validate.New(validator),
			IgnoreUnknownQuery: o.IgnoreUnknownQuery,
			MaxRequestBytes:    o.MaxRequestBytes,
			MaxResponseBytes:   o.MaxResponseBytes,
		},
	}
	if !o.AnonymousCalls {
		if env.Identity, err = identity.New(o.Identity); err != nil {
			return nil, err
		}
	}
	if !o.UncompressedResponses {
		if env.Compress, err = compression.New(compression.Options{}); err != nil {
			return nil, err
		}
	}
	o.Middleware.in(env)
	o.Interceptors.in(env)
	env.Streams, g.endStreams = context.WithCancel(context.Background())
	return env, nil
}

// observe lets metrics look at what the gateway holds in memory.
func (g *Gateway) observe(metrics *telemetry.Metrics, limits *ratelimit.Memory) {
	metrics.ObserveRateLimitMemory(func() (bytes, displaced int64) {
		s := limits.Stats()
		return s.Bytes, s.Displaced
	})
	metrics.ObserveCache(func() (entries, bytes int64) {
		s := g.store.Stats()
		return s.Entries, s.Bytes
	})
}

// telemetry returns what is told of requests, and where.
func (g *Gateway) telemetry(metrics *telemetry.Metrics) telemetry.Options {
	o := g.options
	return telemetry.Options{
		Logger: o.Logger, Metrics: metrics, TracerProvider: o.TracerProvider, Propagator: o.Propagator,
		Afterwards:     o.TracedAfterwards,
		OnRequest:      o.OnRequest,
		Refusals:       o.Refusals,
		Closing:        &g.closing,
		Access:         func() *telemetry.AccessLog { return g.live.Load().Access },
		ClientAddress:  func(r *http.Request) netip.Addr { return g.live.Load().ClientIP.From(r) },
		PublicEndpoint: true, Trusted: func(r *http.Request) bool { return g.live.Load().ClientIP.TrustsPeer(r) },
	}
}
