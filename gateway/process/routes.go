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

// checkRoutes refuses routes of the program's that the gateway serves already.
func (p Program) checkRoutes(gw *gateway.Gateway) error {
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(p.Routes)) {
		verb, path, found := strings.Cut(pattern, " ")
		if !found {
			verb, path = http.MethodGet, pattern
		}
		path = wildcard.ReplaceAllString(strings.ReplaceAll(path, "{$}", ""), "x")
		if taken, ok := gw.Route(verb, path); ok {
			errs = append(errs, fmt.Errorf("process.Program: Routes[%q]: %s serves it", pattern, taken.Method))
		}
	}
	return errors.Join(errs...)
}
