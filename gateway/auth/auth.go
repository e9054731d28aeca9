// Package auth verifies bearer tokens (RFC 6750, RFC 7519) and decides who may
// call.
//
// [New] builds the check of one RPC's policy as HTTP middleware, [NewServer]
// the check of a gRPC server behind the gateway. Both put the [Principal] into
// the request's context.
package auth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/requestctx"
)

// Options is what the middleware needs beside its policy.
type Options struct {
	// Verifier verifies the tokens. Required where they are accepted.
	Verifier Verifier
	// APIKeys verifies the API keys. Required where they are accepted.
	APIKeys KeyVerifier
	// OnError writes the response to a refused request; err is an [*apierror.Error]. The
	// WWW-Authenticate header is already set where credentials would help. It may run concurrently. Required
	// unless the policy wants no credentials.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
	// OnShadow, where set, is told [WouldUnauthenticated] or [WouldForbidden] of
	// each request that a policy in shadow mode would have refused.
	OnShadow policy.ShadowFunc
}

// New returns the middleware that enforces p. It is an error if p cannot be
// enforced as it stands: nothing passes unchecked because of a fault in it.
//
// Where p wants no credentials, they are not looked at and the request is
// anonymous. Where they are optional, a request without them is anonymous and
// one with wrong ones is refused.
//
// In shadow mode nothing is refused and no header is set: a request that would
// have been refused passes as anonymous, also before whoever else asks for its
// principal, such as a limit or a cache.
func New(p policy.Auth, o Options) (func(http.Handler) http.Handler, error) {
	if err := check(p, o); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	if p.Requirement == policy.AuthNone {
		return func(next http.Handler) http.Handler { return next }, nil
	}
	p.Scopes, p.Roles = slices.Clone(p.Scopes), slices.Clone(p.Roles)
	return func(next http.Handler) http.Handler {
		return &guard{policy: p, options: o, next: next}
	}, nil
}

func check(p policy.Auth, o Options) error {
	switch p.Requirement {
	case policy.AuthNone, policy.AuthOptional:
		if len(p.Scopes)+len(p.Roles) > 0 {
			return errors.New("scopes and roles need credentials to be required")
		}
	case policy.AuthRequired:
	default:
		return fmt.Errorf("unknown requirement %d", p.Requirement)
	}
	if p.Requirement != policy.AuthNone {
		if err := checkOptions(p, o); err != nil {
			return err
		}
	}
	if i := slices.IndexFunc(p.Scopes, malformedScope); i >= 0 {
		return fmt.Errorf("%q is not a scope (RFC 6749, section 3.3)", p.Scopes[i])
	}
	if slices.Contains(p.Roles, "") {
		return errors.New("a role is empty")
	}
	return nil
}

// ErrNoVerifier is what a policy that accepts tokens is refused with where nothing
// verifies them.
var ErrNoVerifier = errors.New("tokens are accepted, and there is no verifier of them")

func checkOptions(p policy.Auth, o Options) error {
	switch {
	case o.OnError == nil:
		return errors.New("an error handler is required")
	case p.Accepts(policy.SchemeBearer) && o.Verifier == nil:
		return ErrNoVerifier
	case p.Accepts(policy.SchemeAPIKey) && o.APIKeys == nil:
		return errors.New("API keys are accepted, and there are none")
	default:
		return nil
	}
}

func malformedScope(scope string) bool {
	return scope == "" || strings.ContainsFunc(scope, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}

// guard is the middleware around one handler.
type guard struct {
	policy  policy.Auth
	options Options
	next    http.Handler
}

// ServeHTTP implements http.Handler.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	principal, err := g.credentials(r.Context(), r.Header["Authorization"], r.Header[APIKeyHeader])
	if errors.Is(err, errMissing) && g.policy.Requirement == policy.AuthOptional {
		g.next.ServeHTTP(w, r)
		return
	}
	if err == nil {
		err = g.authorize(principal)
	}
	if err != nil && g.policy.Shadow {
		g.shadow(r, err)
		g.next.ServeHTTP(w, r)
		return
	}
	if err != nil {
		if challenge := g.challenge(apierror.As(err)); challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		g.options.OnError(w, r, err)
		return
	}
	g.next.ServeHTTP(w, requestctx.With(r, principalKey{}, principal))
}

// authorize requires all the scopes and one of the roles.
func (g *guard) authorize(p *Principal) error {
	for _, scope := range g.policy.Scopes {
		if !p.HasScope(scope) {
			return denied("the token lacks a scope that this call needs")
		}
	}
	if len(g.policy.Roles) > 0 && !slices.ContainsFunc(g.policy.Roles, p.HasRole) {
		return denied("the token has none of the roles that may call")
	}
	return nil
}

func denied(message string) error {
	return &apierror.Error{Code: codes.PermissionDenied, Reason: apierror.PermissionDenied, Message: message}
}
