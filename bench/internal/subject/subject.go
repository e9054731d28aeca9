// Package subject makes the HTTP servers that the benchmarks compare. All serve
// the same routes of the same backend.
package subject

import (
	"fmt"
	"net/http"

	"google.golang.org/grpc"

	"github.com/venta-hq/venta/gateway/auth/devkeys"
)

// Mode names a subject.
type Mode string

// The subjects.
const (
	// Bare is stock grpc-gateway: runtime.ServeMux and stock generated handlers.
	// It is what the others are compared with.
	Bare Mode = "bare"
	// BareSqueezed is Bare behind a middleware that compresses responses.
	BareSqueezed Mode = "bare-squeezed"
	// Plain is net/http writing the same bytes from memory, without a backend.
	Plain Mode = "plain"
	// Venta is the gateway with an empty policy and no access log.
	Venta Mode = "venta"
	// Observed is Venta with metrics, an access log and traces of one request in a
	// hundred.
	Observed Mode = "observed"
	// Policies is the gateway with every policy but the cache in force.
	Policies Mode = "policies"
	// Cached is Policies with the cache.
	Cached Mode = "cached"
)

// Options says what a subject is made of.
type Options struct {
	Mode Mode
	// Routes is how many routes of the measured verb there are. The measured
	// ones stand in the middle of them. Default: the backend's own.
	Routes int
	// Conn reaches the backend. Required, but for Plain.
	Conn grpc.ClientConnInterface
	// Keys sign the callers' tokens. Required for Policies and Cached.
	Keys devkeys.Keys
}

// NewHandler returns the subject.
func NewHandler(o Options) (http.Handler, error) {
	switch o.Mode {
	case Bare:
		return newBare(o)
	case BareSqueezed:
		return newBareSqueezed(o)
	case Plain:
		return newPlain()
	case Venta, Observed, Policies, Cached:
		return newVenta(o)
	default:
		return nil, fmt.Errorf("no subject is named %q", o.Mode)
	}
}

// around returns the paths of the routes that stand before and behind the
// measured ones.
func around(routes int) (before, behind []string) {
	var paths []string
	for i := range max(routes-1, 0) {
		paths = append(paths, fmt.Sprintf("/v2/collection%04d/{id}", i))
	}
	middle := len(paths) / 2
	return paths[:middle], paths[middle:]
}
