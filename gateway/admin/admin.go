// Package admin serves what operators and their machines ask of a process:
// health, metrics and what they may do. It belongs on an address of its own that
// clients cannot reach.
package admin

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Options are what is served. A nil handler's paths are 404.
type Options struct {
	// Health serves /livez, /readyz and /health.
	Health http.Handler
	// Metrics serves /metrics.
	Metrics http.Handler
	// Purge serves POST /cache/purge.
	Purge http.Handler
	// Policies serves /policies.
	Policies http.Handler
	// Upstreams serves /upstreams.
	Upstreams http.Handler
	// Hosts are the names that clients may call the address by, without a port.
	// IP addresses and localhost are always right. Default: no others.
	Hosts []string
	// IdentityKeys serves /.well-known/jwks.json, the keys that services verify the
	// gateway's tokens with.
	IdentityKeys http.Handler
	// Others are handlers of the program's own, by their pattern
	// ([http.ServeMux]).
	Others map[string]http.Handler
}

// New returns the handler of the admin address. It serves GET and HEAD, and POST
// where that is said; "/" lists the paths. It is safe for concurrent use if the
// handlers are. The error names every pattern of Others that is none, or that
// meets one that is served already.
func New(o Options) (http.Handler, error) {
	mux := http.NewServeMux()
	served := slices.Collect(maps.Keys(o.Others))
	core := map[string]http.Handler{}
	add := func(verb string, h http.Handler, paths ...string) {
		if h == nil {
			return
		}
		served = append(served, paths...)
		for _, path := range paths {
			core[verb+" "+path] = h
		}
	}
	add("GET", o.Health, "/health", "/livez", "/readyz")
	add("GET", o.Metrics, "/metrics")
	add("GET", o.Policies, "/policies")
	add("GET", o.Upstreams, "/upstreams")
	add("GET", o.IdentityKeys, "/.well-known/jwks.json")
	add("POST", o.Purge, "/cache/purge")
	core["GET /{$}"] = index(served)
	for pattern, h := range core {
		mux.Handle(pattern, h)
	}
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(o.Others)) {
		err := meets(core, pattern)
		if err == nil {
			err = handle(mux, pattern, o.Others[pattern])
		}
		errs = append(errs, err)
	}
	return guard(ownHosts(o.Hosts, sameOrigin(mux))), errors.Join(errs...)
}

// meets refuses a pattern that the mux takes and that hides a page, or is hidden
// by one: one for a host, for HEAD, or for every verb.
func meets(core map[string]http.Handler, pattern string) error {
	verb, path := "", pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		verb, path = pattern[:i], strings.TrimLeft(pattern[i:], " \t")
	}
	path = path[max(strings.Index(path, "/"), 0):] // without the host
	for page := range core {
		of, at, _ := strings.Cut(page, " ")
		if at == path && (verb == "" || verb == of || verb == "HEAD" && of == "GET") {
			return fmt.Errorf("admin route %q: meets the page %s", pattern, page)
		}
	}
	return nil
}

// handle is [http.ServeMux.Handle] with an error in place of its panic.
func handle(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("admin route %q: %v", pattern, fault)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}

// index lists the paths, one a line.
func index(paths []string) http.Handler {
	text := strings.Join(slices.Sorted(slices.Values(paths)), "\n") + "\n"
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // a client that left is no fault
	})
}

// guard keeps responses out of caches, and browsers from guessing at them.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
