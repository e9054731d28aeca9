package assembly

import (
	"context"
	"net/http"

	"github.com/venta-hq/venta/gateway/apiversion"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/requestctx"
	"github.com/venta-hq/venta/gateway/telemetry"
)

// Who calls an RPC that is deprecated is counted in two steps: at once where the
// request is admitted, as a stream may last for days, and at its end where it was
// refused before anybody knew whose it is. Both are absent from all other RPCs.

type callerKey struct{}

// requestCallers counts the requests that are refused in front of requestCaller.
func (b *builder) requestCallers() Step {
	count := b.countCaller()
	if count == nil {
		return nil
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			counted := new(bool)
			defer func() {
				if !*counted {
					count(r, "")
				}
			}()
			next.ServeHTTP(w, requestctx.With(r, callerKey{}, counted))
		})
	}
}

// requestCaller counts the requests that are authorized.
func (b *builder) requestCaller() Step {
	count := b.countCaller()
	if count == nil {
		return nil
	}
	live := b.env.Live
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if counted, ok := r.Context().Value(callerKey{}).(*bool); ok {
				*counted = true
			}
			count(r, principalName(r.Context(), live.Load().Access))
			next.ServeHTTP(w, r)
		})
	}
}

// countCaller returns what counts a caller of the RPC, or nil where nobody does.
func (b *builder) countCaller() func(r *http.Request, principal string) {
	if v := b.rpc.Policy.Version; v == nil || v.Deprecated.IsZero() || b.env.Callers == nil {
		return nil
	}
	callers, method := b.env.Callers, b.rpc.Method.FullName[1:]
	return func(r *http.Request, principal string) {
		callers.Count(method, apiversion.CallerOf(principal, r.UserAgent()))
	}
}

// principalName is what logs call the request's principal; "": there is none, or
// nobody is to be named.
func principalName(ctx context.Context, as *telemetry.AccessLog) string {
	p, ok := auth.FromContext(ctx)
	if !ok {
		return ""
	}
	hash, subject := as.CallerName(telemetry.Caller{Issuer: p.Issuer(), Subject: p.Subject})
	return hash + subject
}
