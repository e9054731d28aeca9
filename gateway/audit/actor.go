package audit

import (
	"context"
	"net"
	"net/http"
)

type actorKey struct{}

// NewContext returns a context of what an actor asks for: who authenticates operators
// tells their names so.
func NewContext(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// Asked returns who has sent a request to the admin address: the actor of its context,
// else an operator without a name at the peer's address.
func Asked(r *http.Request) Actor {
	if a, ok := r.Context().Value(actorKey{}).(Actor); ok {
		return a
	}
	address := r.RemoteAddr
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return Actor{Kind: Operator, Address: address}
}
