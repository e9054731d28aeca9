package grpcserver

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/venta-hq/venta/services/fault"
)

// sized refuses responses that are larger than callers take. gRPC's own refusal is
// a RESOURCE_EXHAUSTED like a quota's; this one says what it is.
func sized(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	response, err := handle(ctx, req)
	if m, ok := response.(proto.Message); err == nil && ok && proto.Size(m) > maxResponseBytes {
		return nil, fault.ResponseTooLarge()
	}
	return response, err
}
