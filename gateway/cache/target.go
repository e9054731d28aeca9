package cache

import (
	"net/http"
	"net/url"
	"strings"
)

// targetTag is what an answer to a request for a URI is purged by, when that is
// written to (RFC 9111, section 4.4). The query is left out, and the path is
// unescaped: what differs in spelling alone is purged together.
func targetTag(host, path string) string {
	return "\x00target " + strings.ToLower(host) + "\x00" + path
}

func isSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// InvalidateTargets purges what is stored of the URIs that an unsafe request
// changes (RFC 9111, section 4.4): its own, and those of the same host in the
// answer's Location and Content-Location, with whatever query. It does so when
// [Store.Invalidator] would. The handlers that [Store.Middleware] makes do it by
// themselves; this is for writes that have another way.
func (s *Store) InvalidateTargets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isSafe(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		s.write(w, r, next)
	})
}

func (s *Store) write(w http.ResponseWriter, r *http.Request, next http.Handler) {
	target := *r.URL // as it is here, whatever the handler makes of it
	serveWrite(w, r, next, func() { s.Purge(targets(r.Host, &target, w.Header())...) })
}

// targets returns the tags of all URIs that a write changes.
func targets(host string, target *url.URL, answer http.Header) []string {
	tags := []string{targetTag(host, target.Path)}
	base := url.URL{Scheme: "http", Host: host, Path: target.Path, RawPath: target.RawPath}
	for _, name := range []string{"Location", "Content-Location"} {
		for _, reference := range answer[name] {
			u, err := base.Parse(reference)
			if err == nil && strings.EqualFold(u.Host, host) {
				tags = append(tags, targetTag(u.Host, u.Path))
			}
		}
	}
	return tags
}
