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
)

// wildcard is one of [http.ServeMux]'s patterns.
var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// checkRoutes refuses routes of the program's that the gateway serves already, be
// it for one of their verbs.
func (p Program) checkRoutes(gw *gateway.Gateway) error {
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(p.Routes)) {
		verbs, path := requested(pattern)
		for _, verb := range verbs {
			if taken, ok := gw.Route(verb, path); ok {
				errs = append(errs, fmt.Errorf("process.Program: Routes[%q]: %s serves %s %s", pattern, taken.Method, verb, path))
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
