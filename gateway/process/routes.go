package process

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/config"
)

// wildcard is one of [http.ServeMux]'s patterns.
var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// healthPaths are those of health on the REST address.
var healthPaths = []string{"/health", "/livez", "/readyz", "/startupz"}

// routes returns the program's own routes, and those of health where the
// configuration says so: a program that has one of them keeps it.
func (p Program) routes(loaded *config.Loaded, health http.Handler) map[string]http.Handler {
	if !loaded.Config.GetHealth().GetOnHttp() {
		return p.Routes
	}
	routes := map[string]http.Handler{}
	for _, path := range healthPaths {
		routes["GET "+path] = health
	}
	maps.Copy(routes, p.Routes)
	return routes
}

// routeOf names where a route was asked for.
func (p Program) routeOf(pattern string) string {
	if p.Routes[pattern] == nil {
		return "health.on_http"
	}
	return fmt.Sprintf("process.Program: Routes[%q]", pattern)
}

// checkRoutes refuses routes of the program's that the gateway serves already, be
// it for one of their verbs.
func (p Program) checkRoutes(gw *gateway.Gateway, routes map[string]http.Handler) error {
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(routes)) {
		verbs, path := requested(pattern)
		for _, verb := range verbs {
			if taken, ok := gw.Route(verb, path); ok {
				errs = append(errs, fmt.Errorf("%s: %s serves %s %s", p.routeOf(pattern), taken.Method, verb, path))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// requested returns requests that a pattern is for. RPCs are served for each host.
func requested(pattern string) (verbs []string, path string) {
	verbs = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	path = pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		verbs, path = []string{pattern[:i]}, strings.TrimLeft(pattern[i:], " \t")
	}
	path = path[max(strings.Index(path, "/"), 0):]
	return verbs, wildcard.ReplaceAllString(strings.ReplaceAll(path, "{$}", ""), "x")
}
