package export

import (
	"context"
	"errors"
	"net/url"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// maxValueLength bounds the text of an attribute, such as a path that a client
// chose, unless the environment does.
const maxValueLength = 4096

// sample makes the providers of traces. Ended spans wait in a bounded queue, and
// are dropped where the collector cannot keep up.
func (p *Providers) sample(ctx context.Context, c Config, process *resource.Resource) error {
	collector, err := c.collector()
	if err != nil {
		return err
	}
	otlp, err := newOTLP(ctx, c.protocol(collector), collector)
	if err != nil {
		return err
	}
	dropped, err := countDropped(p.MeterProvider)
	if err != nil {
		return errors.Join(err, otlp.Shutdown(ctx))
	}
	exporter := newExporter(otlp, dropped, newReporter(c.Logger, "exporting traces"))
	spans := newQueue(exporter, dropped)
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(process), sdktrace.WithRawSpanLimits(spanLimits()), sdktrace.WithSpanProcessor(spans),
	}
	provider := sdktrace.NewTracerProvider(append(options, sdktrace.WithSampler(p.sampling(c)))...)
	p.TracerProvider = provider
	p.AfterwardsTracerProvider = sdktrace.NewTracerProvider(append(options,
		sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithIDGenerator(knownIDs{}))...)
	p.flush = spans.ForceFlush
	p.shutdown = append(p.shutdown, func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, exporter.abort)
		defer stop()
		// The provider would leave the batches running if ctx has already ended.
		if err := spans.Shutdown(ctx); err != nil {
			return err
		}
		return provider.Shutdown(ctx)
	})
	return nil
}

// newOTLP returns what sends spans to the collector. It reaches nobody yet.
func newOTLP(ctx context.Context, protocol Protocol, collector *url.URL) (sdktrace.SpanExporter, error) {
	if protocol == ProtocolHTTP {
		return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(collector.String()))
	}
	return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(collector.String()))
}

// sampling decides which traces are sampled.
func (p *Providers) sampling(c Config) sdktrace.Sampler {
	if c.IgnoreParents {
		return p.sampler
	}
	return sdktrace.ParentBased(p.sampler)
}

// spanLimits are the SDK's and the environment's, with a bound of ours for what
// they leave without one.
func spanLimits() sdktrace.SpanLimits {
	limits := sdktrace.NewSpanLimits()
	if limits.AttributeValueLengthLimit == sdktrace.DefaultAttributeValueLengthLimit {
		limits.AttributeValueLengthLimit = maxValueLength
	}
	return limits
}

// exporter keeps an exporter's errors from the global error handler, counts what
// they cost, and ends its exports when a shutdown runs out of time.
type exporter struct {
	sdktrace.SpanExporter
	dropped *dropped
	faults  *reporter
	aborted context.Context
	abort   context.CancelFunc
}

func newExporter(inner sdktrace.SpanExporter, lost *dropped, faults *reporter) *exporter {
	aborted, abort := context.WithCancel(context.Background())
	return &exporter{SpanExporter: inner, dropped: lost, faults: faults, aborted: aborted, abort: abort}
}

// ExportSpans implements sdktrace.SpanExporter. Spans that could not be
// exported are lost, as there would be no end to keeping them.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.aborted, cancel)()
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.dropped.refused.Add(cost(err, len(spans)))
		e.faults.report(err)
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error {
	e.abort()
	return e.SpanExporter.Shutdown(ctx)
}
