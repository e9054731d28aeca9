// Package apiversion tells clients where an RPC stands in the life of its API
// version: Deprecation (RFC 9745), Sunset (RFC 8594) and Link (RFC 8288, with
// the relation types "successor-version" of RFC 5829 and "deprecation").
package apiversion

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
)

// Options holds what the middleware needs of its surroundings.
type Options struct {
	// Successor returns the successor's URL for a request. Required where the
	// policy names a successor.
	Successor func(*http.Request) string
	// OnError writes a refusal. Required.
	OnError func(http.ResponseWriter, *http.Request, error)
	// OnShadow, where set, is told [WouldGone] of each request that a policy in
	// shadow mode would have refused.
	OnShadow policy.ShadowFunc
}

// WouldGone is what a policy in shadow mode would have done after the sunset.
const WouldGone = "gone"

// New returns a middleware that adds the headers to every response and, where the
// policy says so, refuses requests after the sunset with HTTP 410. In shadow mode
// it adds no headers and refuses nothing.
func New(p policy.Version, opts Options) (func(http.Handler) http.Handler, error) {
	if opts.OnError == nil {
		return nil, errors.New("apiversion: OnError is required")
	}
	if p.Successor != "" && opts.Successor == nil {
		return nil, errors.New("apiversion: a successor needs Options.Successor")
	}
	if p.Shadow {
		return shadow(p, opts), nil
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			announce(w.Header(), p, opts, r)
			if isGone(p) {
				opts.OnError(w, r, gone(p))
				return
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

// shadow tells of refusals that do not happen.
func shadow(p policy.Version, opts Options) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if opts.OnShadow != nil && isGone(p) {
				opts.OnShadow(r.Context(), WouldGone)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// isGone reports whether the policy refuses requests now.
func isGone(p policy.Version) bool {
	return p.AfterSunset == policy.GoneAfterSunset && !p.Sunset.IsZero() && !time.Now().Before(p.Sunset)
}

func announce(h http.Header, p policy.Version, opts Options, r *http.Request) {
	if !p.Deprecated.IsZero() {
		h.Set("Deprecation", "@"+strconv.FormatInt(p.Deprecated.Unix(), 10))
	}
	if !p.Sunset.IsZero() {
		h.Set("Sunset", p.Sunset.UTC().Format(http.TimeFormat))
	}
	if p.Successor != "" {
		h.Add("Link", fmt.Sprintf(`<%s>; rel="successor-version"`, opts.Successor(r)))
	}
	if p.Link != "" {
		h.Add("Link", fmt.Sprintf(`<%s>; rel="deprecation"`, p.Link))
	}
}

func gone(p policy.Version) error {
	return &apierror.Error{
		Code:       codes.Unimplemented,
		Reason:     apierror.VersionGone,
		Message:    "this version of the API ended on " + p.Sunset.UTC().Format(time.DateOnly),
		HTTPStatus: http.StatusGone,
	}
}
