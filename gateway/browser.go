package gateway

import (
	"net/http"

	"github.com/rs/cors"

	"github.com/venta-hq/venta/gateway/telemetry"
)

// securityHeaders keeps browsers from guessing at, framing or running what is
// an API's answer (OWASP REST Security Cheat Sheet). frame-ancestors does what
// X-Frame-Options did.
func securityHeaders(next http.Handler) http.Handler {
	// Made once and shared by all answers; an Add finds no room and copies.
	nosniff := []string{"nosniff"}
	nothing := []string{"default-src 'none'; frame-ancestors 'none'"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		h["Content-Security-Policy"] = nothing
		next.ServeHTTP(w, r)
	})
}

// exposed are the answer's headers that scripts of an allowed origin may read.
var exposed = []string{
	"Cache-Status", "Deprecation", "ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After",
	"Sunset", telemetry.RequestIDHeader,
}

// cors answers browsers' preflights and marks answers for the allowed origins.
// Without any it is absent, and browsers keep foreign scripts out.
func (g *Gateway) cors() middleware {
	if len(g.options.AllowedOrigins) == 0 {
		return nil
	}
	return cors.New(cors.Options{
		AllowedOrigins:   g.options.AllowedOrigins,
		AllowCredentials: true,
		AllowedMethods:   []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{
			"Accept", "Authorization", "Content-Type", "Grpc-Timeout", "Idempotency-Key", "If-Match", "If-None-Match",
			telemetry.RequestIDHeader,
		},
		ExposedHeaders: exposed,
		MaxAge:         600,
	}).Handler
}
