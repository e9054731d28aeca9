package assembly

import (
	"net/http"
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

// exposed are the response's headers that scripts of an allowed origin may read.
var exposed = []string{
	"Cache-Status", "Deprecation", "ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After",
	"Sunset", telemetry.RequestIDHeader,
}

// NewCORS returns what Live has for the origins, nil without any.
func NewCORS(origins []string) *cors.Cors {
	if len(origins) == 0 {
		return nil
	}
	return cors.New(cors.Options{
		AllowedOrigins:   origins,
		AllowCredentials: true,
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{
			"Accept", "Authorization", "Content-Type", "Grpc-Timeout", "Idempotency-Key", "If-Match", "If-None-Match",
			telemetry.RequestIDHeader,
		},
		ExposedHeaders: exposed,
		MaxAge:         600,
	})
}
