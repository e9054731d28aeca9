package cache

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// targetTag is what an answer to a request for a URI is purged by, when that is
// written to (RFC 9111, section 4.4). The query is left out, and the path is
// unescaped: what differs in spelling alone is purged together.
func targetTag(host, path string) string {
	return "\x00target " + strings.ToLower(host) + "\x00" + path
}

// InvalidateTargets purges what is stored of the URIs that an unsafe request
// changes (RFC 9111, section 4.4): its own, and those of the same host in the
// answer's Location and Content-Location, with whatever query. It does so when
// [Store.Invalidator] would. The handlers that [Store.Middleware] makes do it by
// themselves; this is for writes that have another way.
func (s *Store) InvalidateTargets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rfc9111.IsSafe(r.Method) {
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
	var tags []string
	for _, t := range rfc9111.Invalidated(host, target, answer) {
		tags = append(tags, targetTag(t.Host, t.Path))
	}
	return tags
}
