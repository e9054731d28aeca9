package assembly

import (
	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// callTelemetry observes each attempt.
func (b *builder) callTelemetry() grpc.UnaryClientInterceptor {
	return telemetry.UnaryClientInterceptor(b.env.telemetryOfCalls())
}

// streamTelemetry observes each stream.
func (b *builder) streamTelemetry() grpc.StreamClientInterceptor {
	return telemetry.StreamClientInterceptor(b.env.telemetryOfCalls())
}
