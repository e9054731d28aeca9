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
	// Access says who may ask for what. The zero value lets everybody do everything.
	Access Access
	// Health serves /livez, /startupz and /readyz to everybody, and /health.
	Health http.Handler
	// Metrics serves /metrics.
	Metrics http.Handler
	// Purge serves POST /cache/purge.
	Purge http.Handler
	// Policies serves /policies.
	Policies http.Handler
	// Upstreams serves /upstreams.
	Upstreams http.Handler
	// API serves /api/, which tells as JSON what the process does.
	API http.Handler
	// Overrides serves /api/overrides: GET to who may read, POST, and DELETE of one, to who
	// may operate.
	Overrides http.Handler
	// Page serves / and /assets/ to browsers: what API tells, for people.
	Page http.Handler
	// Hosts are the names that clients may call the address by, without a port.
	// IP addresses and localhost are always right. Default: no others.
	Hosts []string
	// IdentityKeys serves /.well-known/jwks.json, the keys that services verify the
	// gateway's tokens with.
	IdentityKeys http.Handler
	// Others are handlers of the program's own, by their pattern
	// ([http.ServeMux]). GET and HEAD need the role read, other verbs operate.
	Others map[string]http.Handler
	// Debug serves profiles at /debug/pprof/ and the goroutines' stacks at
	// /debug/goroutines, to who may operate.
	Debug bool
}

// page is a page of the address's own.
type page struct {
	role    Role
	handler http.Handler
	costly  bool // so that not even a GET of another origin gets to it
}

// guarded is the handler behind what it needs.
func (p page) guarded(k *keeper) http.Handler {
	h := k.require(p.role, p.handler)
	if p.costly {
		return sameSite(h)
	}
	return h
}

// pages returns those that the options have, by pattern.
func (o Options) pages() map[string]page {
	core := map[string]page{}
	add := func(role Role, verb string, h http.Handler, paths ...string) {
		for _, path := range paths {
			if h != nil {
				core[verb+" "+path] = page{role: role, handler: h}
			}
		}
	}
	add(roleNone, "GET", o.Health, "/livez", "/readyz", "/startupz")
	add(RoleRead, "GET", o.Health, "/health")
	add(o.Access.metrics(), "GET", o.Metrics, "/metrics")
	add(RoleRead, "GET", o.Policies, "/policies")
	add(RoleRead, "GET", o.Upstreams, "/upstreams")
	add(RoleRead, "GET", o.API, "/api/")
	add(RoleRead, "GET", o.Overrides, "/api/overrides")
	add(RoleOperate, "POST", o.Overrides, "/api/overrides")
	add(RoleOperate, "DELETE", o.Overrides, "/api/overrides/{id...}")
	if o.API != nil || o.Overrides != nil {
		add(RoleRead, "GET", me(), "/api/me")
	}
	add(roleNone, "GET", o.Page, "/assets/")                       // files that tell nothing of the process
	add(roleNone, "GET", o.IdentityKeys, "/.well-known/jwks.json") // services have no token
	add(RoleOperate, "POST", o.Purge, "/cache/purge")
	if o.Debug {
		for path, h := range debugPages() {
			core["GET "+path] = page{RoleOperate, h, true}
		}
	}
	return core
}

// index lists what the options have.
func (o Options) index(core map[string]page) http.Handler {
	paths := slices.Collect(maps.Keys(o.Others))
	for pattern := range core {
		_, path, _ := strings.Cut(pattern, " ")
		if path == "/assets/" {
			continue
		}
		paths = append(paths, path)
	}
	return index(paths)
}

// New returns the handler of the admin address. It serves GET and HEAD, and other verbs
// where that is said; "/" lists the paths, but for browsers where there is a page. It
// is safe for concurrent use if the handlers are. The error names every pattern of Others that is none, or that
// meets one that is served already.
func New(o Options) (http.Handler, error) {
	mux, keeper, core := http.NewServeMux(), newKeeper(o.Access), o.pages()
	list := keeper.require(RoleRead, o.index(core))
	core["GET /{$}"] = page{role: roleNone, handler: home(o.Page, list)}
	for pattern, p := range core {
		mux.Handle(pattern, p.guarded(keeper))
	}
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(o.Others)) {
		err := meets(core, pattern)
		if err == nil {
			err = handle(mux, pattern, keeper.requireBySafety(o.Others[pattern]))
		}
		errs = append(errs, err)
	}
	return guard(ownHosts(o.Hosts, sameOrigin(mux))), errors.Join(errs...)
}

// meets refuses a pattern that the mux takes and that hides a page, or is hidden
// by one: one for a host, for HEAD, or for every verb.
func meets(core map[string]page, pattern string) error {
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
	text := strings.Join(slices.Compact(slices.Sorted(slices.Values(paths))), "\n") + "\n"
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // a client that left is no fault
	})
}

// home shows the page to those who take HTML. It tells nothing by itself, and asks for a
// token where one is needed.
func home(page, list http.Handler) http.Handler {
	if page == nil {
		return list
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			page.ServeHTTP(w, r)
			return
		}
		list.ServeHTTP(w, r)
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
