package auth

import (
	"context"
	"errors"

	grpcauth "github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// ServerOptions say whose word a gRPC server takes for who calls it. One of the two is
// required. Other metadata, such as x-venta-subject, is nobody's word: whoever
// reaches the server can write it.
type ServerOptions struct {
	// Bearer verifies the caller's own token, which the gateway hands on. Nil: it is not
	// looked at.
	Bearer Verifier
	// Identity verifies the gateway's token in [IdentityKey], such as
	// [NewIdentityVerifier] makes it. A call that has one is the caller's that it
	// names, whatever else the call holds; one that is not valid is refused. Nil: it is
	// not looked at.
	Identity Verifier
}

// Server finds out who calls a gRPC server. It is safe for concurrent use.
type Server struct{ options ServerOptions }

// NewServer returns the check of a gRPC server: each call needs exactly one token. Errors
// of the check are [*apierror.Error].
func NewServer(o ServerOptions) (*Server, error) {
	if o.Bearer == nil && o.Identity == nil {
		return nil, errors.New("auth: a server needs somebody whose word it takes: Bearer, Identity or both")
	}
	return &Server{o}, nil
}

// Authenticate returns a context with the caller's principal. It is the function of the
// interceptors of go-grpc-middleware.
func (s *Server) Authenticate(ctx context.Context) (context.Context, error) {
	principal, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, principalKey{}, principal), nil
}

func (s *Server) caller(ctx context.Context) (*Principal, error) {
	if s.options.Identity != nil {
		switch tokens := metadata.ValueFromIncomingContext(ctx, IdentityKey); len(tokens) {
		case 0:
		case 1:
			return verified(s.options.Identity.Verify(ctx, tokens[0]))
		default:
			return nil, invalid("more than one "+IdentityKey, nil)
		}
	}
	if s.options.Bearer == nil {
		return nil, errMissing
	}
	return authenticate(ctx, s.options.Bearer, metadata.ValueFromIncomingContext(ctx, "authorization"))
}

// Unary returns the check as an interceptor.
func (s *Server) Unary() grpc.UnaryServerInterceptor {
	return grpcauth.UnaryServerInterceptor(s.Authenticate)
}

// Stream returns the check as an interceptor of streams.
func (s *Server) Stream() grpc.StreamServerInterceptor {
	return grpcauth.StreamServerInterceptor(s.Authenticate)
}

// ServerAuth returns the check of a gRPC server that takes the caller's own token alone,
// for the unary and the stream interceptor of go-grpc-middleware: exactly one
// "authorization" with a bearer token is required. Errors are [*apierror.Error].
func ServerAuth(v Verifier) grpcauth.AuthFunc {
	return (&Server{ServerOptions{Bearer: v}}).Authenticate
}
