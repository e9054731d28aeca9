package export

import (
	"context"
	"os"
	"strconv"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/venta-hq/venta/gateway/internal/instrument"
)

const meterName = "github.com/venta-hq/venta/gateway/telemetry/export"

// dropped counts the spans that no collector got.
type dropped struct {
	full    atomic.Int64 // there was no place in the queue
	refused atomic.Int64 // their export failed, or was refused in part
}

func countDropped(meters metric.MeterProvider) (*dropped, error) {
	lost := &dropped{}
	because := func(reason string) metric.MeasurementOption {
		return metric.WithAttributes(attribute.String("reason", reason))
	}
	full, refused := because("queue_full"), because("export_failed")
	making := instrument.Maker{Meter: meters.Meter(meterName)}
	making.Counter(instrument.DroppedSpans, func(_ context.Context, to metric.Int64Observer) error {
		to.Observe(lost.full.Load(), full)
		to.Observe(lost.refused.Load(), refused)
		return nil
	})
	return lost, making.Err()
}

// queue is the SDK's batch processor with a bound of its own in front, so that
// what finds no place is counted: the SDK tells nobody. Nothing ever waits.
type queue struct {
	sdktrace.SpanProcessor
	waiting *atomic.Int64 // spans in the processor's queue or in the batch that is exported
	most    int64
	dropped *dropped
}

func newQueue(to sdktrace.SpanExporter, lost *dropped) *queue {
	most := queueSize()
	waiting := &atomic.Int64{}
	batches := sdktrace.NewBatchSpanProcessor(leaving{to, waiting}, sdktrace.WithMaxQueueSize(most))
	return &queue{SpanProcessor: batches, waiting: waiting, most: int64(most), dropped: lost}
}

// queueSize is the SDK's, which the environment may say.
func queueSize() int {
	if n, err := strconv.Atoi(os.Getenv("OTEL_BSP_MAX_QUEUE_SIZE")); err == nil && n > 0 {
		return n
	}
	return sdktrace.DefaultMaxQueueSize
}

// OnEnd implements sdktrace.SpanProcessor.
func (q *queue) OnEnd(span sdktrace.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	if q.waiting.Add(1) > q.most {
		q.waiting.Add(-1)
		q.dropped.full.Add(1)
		return
	}
	q.SpanProcessor.OnEnd(span)
}

// leaving is an exporter that tells when spans leave the queue.
type leaving struct {
	sdktrace.SpanExporter
	waiting *atomic.Int64
}

// ExportSpans implements sdktrace.SpanExporter.
func (l leaving) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	defer l.waiting.Add(-int64(len(spans)))
	return l.SpanExporter.ExportSpans(ctx, spans)
}
