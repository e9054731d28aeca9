package edge

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// newOwnRoutes returns what serves the routes of the program's own. The error
// names every pattern that is none, or that meets another.
func newOwnRoutes(routes map[string]http.Handler) (*http.ServeMux, error) {
	mux := http.NewServeMux()
	var errs []error
	for _, pattern := range slices.Sorted(maps.Keys(routes)) {
		errs = append(errs, handle(mux, pattern, routes[pattern]))
	}
	return mux, errors.Join(errs...)
}

// handle is [http.ServeMux.Handle] with an error in place of its panic.
func handle(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("Routes[%q]: %v", pattern, fault)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}
