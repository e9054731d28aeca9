package auth_test

import (
	"context"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/auth"
)

// A service behind the gateway takes the gateway's signed word on who calls, and nobody
// else's.
func ExampleNewServer() { //nolint:testableexamples // it needs a gateway
	keys, err := auth.NewRemoteKeys("https://gateway.internal:8081/.well-known/jwks.json", auth.RemoteKeysOptions{})
	if err != nil {
		log.Fatal(err)
	}
	gateway, err := auth.NewIdentityVerifier(auth.IdentityOptions{
		Audience: "orders", // what the gateway's configuration calls this service
		Keys:     keys,
	})
	if err != nil {
		log.Fatal(err)
	}
	check, err := auth.NewServer(auth.ServerOptions{Identity: gateway})
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(check.Unary()), grpc.StreamInterceptor(check.Stream()))
	defer server.Stop()
	// A handler then knows the caller:
	_ = func(ctx context.Context) error {
		caller, ok := auth.FromContext(ctx)
		if !ok || !caller.HasRole("staff") {
			return status.Error(codes.PermissionDenied, "staff alone may do that")
		}
		log.Printf("%s, known by %s", caller.Subject, caller.Scheme())
		return nil
	}
}
