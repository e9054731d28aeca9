package policy

import (
	"fmt"
	"slices"
	"strings"
)

func (a *Auth) limits() faults {
	var found faults
	found.list("auth.scopes", a.Scopes, -1)
	found.list("auth.roles", a.Roles, -1)
	for i, scope := range a.Scopes {
		if strings.ContainsFunc(scope, notInScope) {
			found.add(entry("auth.scopes", i), fmt.Sprintf("%q is not a scope (RFC 6749, section 3.3)", scope),
				"write one scope an entry, without spaces")
		}
	}
	for i, scheme := range a.Schemes {
		if scheme != SchemeBearer && scheme != SchemeAPIKey {
			found.add(entry("auth.schemes", i), fmt.Sprintf("%d is no scheme", scheme), "write SCHEME_BEARER or SCHEME_API_KEY")
		} else if slices.Contains(a.Schemes[:i], scheme) {
			found.add(entry("auth.schemes", i), "the scheme is written twice", "remove one of them")
		}
	}
	if a.Requirement != AuthRequired {
		found.unused("auth.scopes", a.Scopes)
		found.unused("auth.roles", a.Roles)
	}
	return found
}

func (a *Auth) rules(RPC, Method) faults { return nil }

func (f *faults) unused(path string, values []string) {
	if len(values) > 0 {
		f.add(path, "callers without credentials pass, so nobody can need this", "remove this, or write REQUIREMENT_REQUIRED")
	}
}

// Accepts tells whether credentials of the scheme are looked at.
func (a *Auth) Accepts(scheme Scheme) bool {
	if len(a.Schemes) == 0 {
		return scheme == SchemeBearer
	}
	return slices.Contains(a.Schemes, scheme)
}

func notInScope(r rune) bool {
	return r <= ' ' || r == '"' || r == '\\' || r > '~'
}
