package assembly

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// requestAuth authenticates and authorizes.
func (b *builder) requestAuth() Step {
	if b.rpc.Policy.Auth == nil {
		return nil
	}
	step, err := auth.New(*b.rpc.Policy.Auth, auth.Options{
		Verifier: b.env.Verifier,
		APIKeys:  b.env.APIKeys,
		OnError:  refuse,
		OnShadow: b.onShadow("auth"),
	})
	if err != nil {
		return made[Step](b, nil, err)
	}
	return func(next http.Handler) http.Handler { return step(tellCaller(next)) }
}

// tellCaller tells the access log who was authenticated.
func tellCaller(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := auth.FromContext(r.Context()); ok {
			telemetry.Authenticated(r.Context(), telemetry.Caller{Issuer: p.Issuer(), Subject: p.Subject})
		}
		next.ServeHTTP(w, r)
	})
}
