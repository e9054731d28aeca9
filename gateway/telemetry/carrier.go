package telemetry

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
)

// Metadata returns a function that appends the trace context of a call to the
// keys and values of its metadata, in place of what a client has passed in. It
// is for an edge that writes all metadata at once; what [Options].TracerProvider
// makes a span for is left to the interceptors, which must know of it
// ([Options].MetadataAtEdge). It is nil where nothing is carried on.
func Metadata(o Options) func(ctx context.Context, pairs []string) []string {
	propagator, tracer := o.Propagator, tracerOf(o.TracerProvider)
	if propagator == nil {
		return nil
	}
	return func(ctx context.Context, metadata []string) []string {
		if spansCall(ctx, tracer) {
			return metadata
		}
		carrier := pairs(metadata)
		propagator.Inject(ctx, &carrier)
		return carrier
	}
}

// pairs are keys and values, one after the other, as a propagation.TextMapCarrier.
type pairs []string

// Get implements propagation.TextMapCarrier.
func (p *pairs) Get(key string) string {
	for i := 0; i+1 < len(*p); i += 2 {
		if strings.EqualFold((*p)[i], key) {
			return (*p)[i+1]
		}
	}
	return ""
}

// Set replaces all values of the key.
func (p *pairs) Set(key, value string) {
	for i := len(*p) - 2; i >= 0; i -= 2 {
		if strings.EqualFold((*p)[i], key) {
			*p = slices.Delete(*p, i, i+2)
		}
	}
	*p = append(*p, key, value)
}

// Keys implements propagation.TextMapCarrier.
func (p *pairs) Keys() []string {
	keys := make([]string, 0, len(*p)/2)
	for i := 0; i+1 < len(*p); i += 2 {
		keys = append(keys, (*p)[i])
	}
	return keys
}

// outgoing is the metadata of a call as a propagation.TextMapCarrier. It holds
// the context that the metadata is in, which changes with each Set.
type outgoing struct{ ctx context.Context }

// Get implements propagation.TextMapCarrier.
func (o *outgoing) Get(key string) string {
	if values := metadata.ValueFromOutgoingContext(o.ctx, key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set replaces what a client may have passed in by a header such as
// Grpc-Metadata-Traceparent. All metadata is copied only in that case.
func (o *outgoing) Set(key, value string) {
	if len(metadata.ValueFromOutgoingContext(o.ctx, key)) == 0 {
		o.ctx = metadata.AppendToOutgoingContext(o.ctx, key, value)
		return
	}
	all, _ := metadata.FromOutgoingContext(o.ctx)
	all.Set(key, value)
	o.ctx = metadata.NewOutgoingContext(o.ctx, all)
}

// Keys implements propagation.TextMapCarrier.
func (o *outgoing) Keys() []string {
	all, _ := metadata.FromOutgoingContext(o.ctx)
	keys := make([]string, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	return keys
}
