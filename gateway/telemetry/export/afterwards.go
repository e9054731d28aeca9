package export

import (
	"context"
	"crypto/rand"

	"go.opentelemetry.io/otel/trace"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// knownIDs gives a span the ids that its request had already, and others the ids
// that their context names no better.
type knownIDs struct{}

// NewIDs implements sdktrace.IDGenerator.
func (k knownIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if known := telemetry.AfterwardsID(ctx); known.IsValid() {
		return known.TraceID(), known.SpanID()
	}
	var id trace.TraceID
	rand.Read(id[:]) // documented never to fail
	return id, k.NewSpanID(ctx, id)
}

// NewSpanID implements sdktrace.IDGenerator.
func (knownIDs) NewSpanID(ctx context.Context, in trace.TraceID) trace.SpanID {
	if known := telemetry.AfterwardsID(ctx); known.IsValid() && known.TraceID() == in {
		return known.SpanID()
	}
	var id trace.SpanID
	rand.Read(id[:])
	return id
}
