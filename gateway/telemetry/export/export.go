// Package export makes the OpenTelemetry providers of a process: metrics for
// Prometheus, traces for any OTLP collector. Nothing global is set, and of OpenTelemetry's
// environment variables those are honoured that [Variables] names.
package export

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
	// NativeHistograms makes all histograms Prometheus' native ones, in the place of
	// those with fixed buckets. Prometheus scrapes them in its protobuf form alone.
	NativeHistograms bool
	// OTLPEndpoint is the collector of traces: HOST:PORT, http://HOST:PORT or
	// https://HOST:PORT. Without a scheme the connection is plain to this machine
	// and by TLS elsewhere. Default: no traces.
	OTLPEndpoint string
	// OTLPProtocol is what the collector speaks. Default: ProtocolByPort.
	OTLPProtocol Protocol
	// OTLPPath is the path of a collector that speaks HTTP. Default: "/v1/traces".
	OTLPPath string
	// OTLPInsecure allows a plain connection to another machine, and makes it
	// the default there. Spans hold paths and addresses of clients.
	OTLPInsecure bool
	// SampleRatio is the share of traces that is sampled, from 0 to 1, where the
	// caller has not decided. Default: 0, the callers' alone.
	// [Providers.SetSampleRatio] changes it.
	SampleRatio float64
	// SampleRatioGiven tells that somebody chose SampleRatio, so that an
	// environment that says otherwise is a contradiction.
	SampleRatioGiven bool
	// IgnoreParents has SampleRatio decide where the caller has decided, too.
	IgnoreParents bool
	// Attributes describe the process beside its name and version.
	Attributes map[string]string
	// Propagators are the formats that carry traces on: "tracecontext" and
	// "baggage". Default (nil): "tracecontext" alone, as baggage lets those who are
	// trusted speak to the services past the gateway.
	Propagators *[]string
	// Logger takes what goes wrong with exports, at most once a minute for each
	// exporter. Default: slog.Default().
	Logger *slog.Logger
}

// Providers are what a process measures and traces with. They are safe for
// concurrent use, except for Shutdown.
type Providers struct {
	MeterProvider  metric.MeterProvider
	TracerProvider trace.TracerProvider
	// AfterwardsTracerProvider makes spans of what was not sampled and is over: they
	// have the ids that telemetry.AfterwardsID finds in their context. It is nil
	// where no traces are exported.
	AfterwardsTracerProvider trace.TracerProvider
	// Propagator carries traces on, as [Config.Propagators] says.
	Propagator propagation.TextMapPropagator
	// Gatherer reads the metrics that MetricsHandler serves. Nil: they are not
	// collected.
	Gatherer prometheus.Gatherer

	sampler  *ratioSampler
	metrics  http.Handler
	flush    func(context.Context) error // nil: there is nothing
	shutdown []func(context.Context) error
}

// reportEvery bounds how often a failing exporter is logged.
const reportEvery = time.Minute

// Start makes the providers. What is not exported gets providers that do
// nothing. A collector that cannot be reached is no error, now or later; a
// configuration that makes no sense is. The caller must end with Shutdown.
func Start(ctx context.Context, c Config) (*Providers, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	p := &Providers{
		MeterProvider:  metricnoop.NewMeterProvider(),
		TracerProvider: tracenoop.NewTracerProvider(),
		Propagator:     c.propagator(),
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

// Validate returns everything that is wrong with the configuration.
func (c Config) Validate() error {
	var errs []error
	if err := checkRatio(c.SampleRatio); err != nil {
		errs = append(errs, err)
	}
	if c.ServiceName == "" && c.exports() {
		errs = append(errs, errors.New("ServiceName is empty"))
	}
	if c.OTLPEndpoint != "" {
		if _, err := c.collector(); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	return nil
}

// propagator returns what carries traces on.
func (c Config) propagator() propagation.TextMapPropagator {
	if c.Propagators == nil {
		return propagation.TraceContext{}
	}
	var all []propagation.TextMapPropagator
	for _, name := range *c.Propagators {
		switch name {
		case "tracecontext":
			all = append(all, propagation.TraceContext{})
		case "baggage":
			all = append(all, propagation.Baggage{})
		}
	}
	return propagation.NewCompositeTextMapPropagator(all...)
}

// describe says what produces the telemetry.
func describe(ctx context.Context, c Config) (*resource.Resource, error) {
	attributes := []attribute.KeyValue{semconv.ServiceName(c.ServiceName)}
	if c.ServiceVersion != "" {
		attributes = append(attributes, semconv.ServiceVersion(c.ServiceVersion))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Attributes)) {
		attributes = append(attributes, attribute.String(key, c.Attributes[key])) // the last of a key holds
	}
	process, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(attributes...))
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

// Flush exports the spans that have ended, and returns when they are gone or ctx
// ends.
func (p *Providers) Flush(ctx context.Context) error {
	if p.flush == nil {
		return nil
	}
	return p.flush(ctx)
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
