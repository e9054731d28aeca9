package assembly

import (
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/rs/cors"

	"github.com/venta-hq/venta/gateway/telemetry"
	"github.com/venta-hq/venta/gateway/transcode"
)

// WriteError writes an error in front of all routes.
func (env *Environment) WriteError(w http.ResponseWriter, r *http.Request, err error) {
	transcode.WriteError(env.Edge.Mux, w, r, err)
}

// serverSecurityHeaders keeps browsers from guessing at, framing or running what
// is an API's response (OWASP REST Security Cheat Sheet). frame-ancestors does
// what X-Frame-Options did.
func serverSecurityHeaders(next http.Handler) http.Handler {
	// Made once and shared by all responses; an Add finds no room and copies.
	nosniff := []string{"nosniff"}
	nothing := []string{"default-src 'none'; frame-ancestors 'none'"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		h["Content-Security-Policy"] = nothing
		next.ServeHTTP(w, r)
	})
}

// serverCORS responds to browsers' preflights and marks responses for the origins that
// are allowed at the time.
func serverCORS(live *atomic.Pointer[Live]) Step {
	return func(next http.Handler) http.Handler {
		pass := next.ServeHTTP
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if allowed := live.Load().CORS; allowed != nil {
				allowed.ServeHTTP(w, r, pass)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// allowed are the request's fields that scripts of an allowed origin may send in
// any case: those that the edge itself reads, and what browsers' tracing adds.
var allowed = []string{
	"Accept", "Accept-Language", "Authorization", "Content-Type", "Grpc-Timeout", "If-Match", "If-Modified-Since",
	"If-None-Match", "If-Unmodified-Since", "Last-Event-ID", "Traceparent", "Tracestate", telemetry.RequestIDHeader,
}

// exposed are the response's fields that scripts of an allowed origin may read.
var exposed = []string{
	"Age", "Allow", "Cache-Status", "Deprecation", "ETag", "Link", "Location", "RateLimit", "RateLimit-Policy",
	"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "Sunset", "WWW-Authenticate",
	telemetry.RequestIDHeader,
}

// CORS says which browsers' scripts may call.
type CORS struct {
	// Origins may call with credentials, each exactly as browsers write it.
	Origins []string
	// AnyOrigin lets all call, without credentials. Origins is then empty.
	AnyOrigin bool
	// Allowed and Exposed are fields of requests and responses beside those that
	// the gateway itself has.
	Allowed, Exposed []string
}

// NewCORS returns what Live has for browsers, nil where no foreign script may call.
// The library is asked nothing about origins: it has wildcards, and compares
// without regard to case.
func NewCORS(o CORS) *cors.Cors {
	if len(o.Origins) == 0 && !o.AnyOrigin {
		return nil
	}
	options := cors.Options{
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: slices.Concat(allowed, o.Allowed),
		ExposedHeaders: slices.Concat(exposed, o.Exposed),
		MaxAge:         600,
	}
	if o.AnyOrigin {
		options.AllowedOrigins = []string{"*"}
		return cors.New(options)
	}
	options.AllowCredentials = true
	options.AllowOriginFunc = func(origin string) bool { return slices.Contains(o.Origins, origin) }
	return cors.New(options)
}
