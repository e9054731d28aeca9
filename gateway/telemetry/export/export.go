// Package export makes the OpenTelemetry providers of a process: metrics for
// Prometheus, traces for any OTLP collector. Nothing global is set.
package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc/stats"
)

// Config says what is exported. The zero value exports nothing.
type Config struct {
	// ServiceName names the process, such as "venta-gateway". Required where
	// anything is exported.
	ServiceName string
	// ServiceVersion is its version. Default: none.
	ServiceVersion string
	// Prometheus collects metrics for MetricsHandler.
	Prometheus bool
	// OTLPEndpoint is the collector of traces, by OTLP over gRPC: HOST:PORT,
	// http://HOST:PORT or https://HOST:PORT. Without a scheme the connection is
	// plain to this machine and by TLS elsewhere. Default: no traces.
	OTLPEndpoint string
	// OTLPInsecure allows a plain connection to another machine, and makes it
	// the default there. Spans hold paths and addresses of clients.
	OTLPInsecure bool
	// SampleRatio is the share of traces that is sampled, from 0 to 1, where the
	// caller has not decided. Default: 0, the callers' alone.
	// [Providers.SetSampleRatio] changes it.
	SampleRatio float64
	// Logger takes what goes wrong with exports, at most once a minute for each
	// exporter. Default: slog.Default().
	Logger *slog.Logger
}

// Providers are what a process measures and traces with. They are safe for
// concurrent use, except for Shutdown.
type Providers struct {
	MeterProvider  metric.MeterProvider
	TracerProvider trace.TracerProvider
	// Propagator carries traces on by W3C Trace Context. Baggage is left out: it
	// would let clients speak to the services past the gateway.
	Propagator propagation.TextMapPropagator

	sampler  *ratioSampler
	metrics  http.Handler
	shutdown []func(context.Context) error
}

// reportEvery bounds how often a failing exporter is logged.
const reportEvery = time.Minute

// Start makes the providers. What is not exported gets providers that do
// nothing. A collector that cannot be reached is no error, now or later; a
// configuration that makes no sense is. The caller must end with Shutdown.
func Start(ctx context.Context, c Config) (*Providers, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	p := &Providers{
		MeterProvider:  metricnoop.NewMeterProvider(),
		TracerProvider: tracenoop.NewTracerProvider(),
		Propagator:     propagation.TraceContext{},
		sampler:        newRatioSampler(c.SampleRatio),
		metrics:        http.NotFoundHandler(),
	}
	if err := p.start(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("telemetry: %w", err), p.Shutdown(ctx))
	}
	return p, nil
}

func (p *Providers) start(ctx context.Context, c Config) error {
	if !c.exports() {
		return nil
	}
	process, err := describe(ctx, c)
	if err != nil {
		return err
	}
	if c.Prometheus {
		if err := p.collect(c, process); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	if c.OTLPEndpoint != "" {
		if err := p.sample(ctx, c, process); err != nil {
			return fmt.Errorf("traces: %w", err)
		}
	}
	return nil
}

func (c Config) exports() bool { return c.Prometheus || c.OTLPEndpoint != "" }

func (c Config) check() error {
	var errs []error
	if err := checkRatio(c.SampleRatio); err != nil {
		errs = append(errs, err)
	}
	if c.ServiceName == "" && c.exports() {
		errs = append(errs, errors.New("ServiceName is empty"))
	}
	if c.OTLPEndpoint != "" {
		if _, err := collectorURL(c.OTLPEndpoint, c.OTLPInsecure); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// describe says what produces the telemetry. OTEL_RESOURCE_ATTRIBUTES adds to
// it.
func describe(ctx context.Context, c Config) (*resource.Resource, error) {
	attributes := []attribute.KeyValue{semconv.ServiceName(c.ServiceName)}
	if c.ServiceVersion != "" {
		attributes = append(attributes, semconv.ServiceVersion(c.ServiceVersion))
	}
	process, err := resource.New(ctx,
		resource.WithTelemetrySDK(), resource.WithFromEnv(), resource.WithAttributes(attributes...))
	if err != nil {
		return nil, fmt.Errorf("describing the process: %w", err)
	}
	return process, nil
}

// MetricsHandler serves the metrics to Prometheus, or 404 where they are not
// collected.
func (p *Providers) MetricsHandler() http.Handler { return p.metrics }

// GRPCServerHandler observes the calls of a gRPC server, health checks left
// out: a span for each, which continues the caller's trace, and the metrics of
// the semantic conventions. It is for services. The gateway's own calls are
// observed by telemetry.UnaryClientInterceptor, which costs a fraction where a
// trace is not sampled.
func (p *Providers) GRPCServerHandler() stats.Handler {
	return otelgrpc.NewServerHandler(
		otelgrpc.WithTracerProvider(p.TracerProvider),
		otelgrpc.WithMeterProvider(p.MeterProvider),
		otelgrpc.WithPropagators(p.Propagator),
		otelgrpc.WithFilter(filters.Not(filters.HealthCheck())),
	)
}

// Shutdown exports what is left and ends all exporters. It returns when ctx ends
// at the latest, with an error: spans are lost then. Only the first call does
// anything; it must not be called concurrently.
func (p *Providers) Shutdown(ctx context.Context) error {
	var errs []error
	for _, shutdown := range p.shutdown {
		errs = append(errs, shutdown(ctx))
	}
	p.shutdown = nil
	return errors.Join(errs...)
}
