package auth

import (
	"context"

	grpcauth "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"google.golang.org/grpc/metadata"
)

// ServerAuth returns the check of a gRPC server, for the unary and the stream
// interceptor of go-grpc-middleware: exactly one "authorization" with a bearer
// token is required. Errors are [*apierror.Error].
func ServerAuth(v Verifier) grpcauth.AuthFunc {
	return func(ctx context.Context) (context.Context, error) {
		principal, err := authenticate(ctx, v, metadata.ValueFromIncomingContext(ctx, "authorization"))
		if err != nil {
			return nil, err
		}
		return context.WithValue(ctx, principalKey{}, principal), nil
	}
}
