package export

import (
	"context"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// sample makes the provider of traces. Ended spans wait in a bounded queue, and
// are dropped where the collector cannot keep up. The standard variables
// OTEL_EXPORTER_OTLP_HEADERS and OTEL_EXPORTER_OTLP_CERTIFICATE say the rest.
func (p *Providers) sample(ctx context.Context, c Config, process *resource.Resource) error {
	collector, err := collectorURL(c.OTLPEndpoint, c.OTLPInsecure)
	if err != nil {
		return err
	}
	otlp, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(collector.String()))
	if err != nil {
		return err
	}
	exporter := newExporter(otlp, newReporter(c.Logger, "exporting traces"))
	batches := sdktrace.NewBatchSpanProcessor(exporter)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(process),
		sdktrace.WithSampler(sdktrace.ParentBased(p.sampler)),
		sdktrace.WithSpanProcessor(batches),
	)
	p.TracerProvider = provider
	p.shutdown = append(p.shutdown, func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, exporter.abort)
		defer stop()
		// The provider would leave the batches running if ctx has already ended.
		if err := batches.Shutdown(ctx); err != nil {
			return err
		}
		return provider.Shutdown(ctx)
	})
	return nil
}

// exporter keeps an exporter's errors from the global error handler, and ends
// its exports when a shutdown runs out of time.
type exporter struct {
	sdktrace.SpanExporter
	faults  *reporter
	aborted context.Context
	abort   context.CancelFunc
}

func newExporter(inner sdktrace.SpanExporter, faults *reporter) *exporter {
	aborted, abort := context.WithCancel(context.Background())
	return &exporter{SpanExporter: inner, faults: faults, aborted: aborted, abort: abort}
}

// ExportSpans implements sdktrace.SpanExporter. Spans that could not be
// exported are lost, as there would be no end to keeping them.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.aborted, cancel)()
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.faults.report(err)
	}
	return nil
}

// Shutdown implements sdktrace.SpanExporter.
func (e *exporter) Shutdown(ctx context.Context) error {
	e.abort()
	return e.SpanExporter.Shutdown(ctx)
}
