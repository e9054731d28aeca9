package gateway

import "net/http"

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

// cors answers browsers' preflights and marks responses for the allowed origins.
// Without any, browsers keep foreign scripts out.
func (g *Gateway) cors(next http.Handler) http.Handler {
	pass := http.HandlerFunc(next.ServeHTTP)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allowed := g.settings.Load().cors; allowed != nil {
			allowed.ServeHTTP(w, r, pass)
			return
		}
		next.ServeHTTP(w, r)
	})
}
