package assembly

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/policy"
)

// What Cache-Control says until a step further in says more of a response. They are
// shared by all requests and never changed.
var (
	privateUnstored = []string{"private, no-store"}
	validated       = []string{"no-cache"}
)

// requestControl has every response say that it is for its caller alone where that is
// so, errors and streams, too: a cache between the client and the gateway knows
// Authorization at most (RFC 9111, section 3.5), and no API key. What is stored says more
// (cache.Rule.Declare). On a grpc-gateway mux that holds for RPCs with a cache.
func (b *builder) requestControl() Step {
	cached := b.stores()
	if b.env.Edge.DropIn && !cached {
		return nil
	}
	personal := b.personal()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case personal || presentsCredentials(r):
				w.Header()["Cache-Control"] = privateUnstored
			case cached:
				w.Header()["Cache-Control"] = validated
			}
			next.ServeHTTP(w, r)
		})
	}
}

// requestControlOfCaller does the same for callers that were found out by something else
// than the usual credentials.
func (b *builder) requestControlOfCaller() Step {
	if b.env.Edge.DropIn && !b.stores() || b.authRequired() {
		return nil
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, known := auth.FromContext(r.Context()); known {
				w.Header()["Cache-Control"] = privateUnstored
			}
			next.ServeHTTP(w, r)
		})
	}
}

// personal reports whether nobody gets a response, or a stored one, without being known,
// so that the RPC's author has said who shares it.
func (b *builder) personal() bool {
	return b.authRequired() || b.stores() && b.rpc.Policy.Cache.Audience == policy.AudiencePrincipal
}

// authRequired reports whether nobody gets a response without credentials.
func (b *builder) authRequired() bool {
	a := b.rpc.Policy.Auth
	return a != nil && a.Requirement == policy.AuthRequired && !a.Shadow
}

// presentsCredentials reports whether a request has what somebody may be known by.
func presentsCredentials(r *http.Request) bool {
	return len(r.Header["Authorization"]) > 0 || len(r.Header[auth.APIKeyHeader]) > 0 ||
		r.TLS != nil && len(r.TLS.PeerCertificates) > 0
}
