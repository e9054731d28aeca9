package policy

import "strings"

// Matches reports whether a pattern names an RPC: "package.Service/Method",
// "package.Service/*" for all of a service, or "**" for all that there are. An
// RPC's full name may begin with a slash, as gRPC writes it.
func Matches(pattern, fullMethod string) bool {
	fullMethod = strings.TrimPrefix(fullMethod, "/")
	if pattern == "**" || pattern == fullMethod {
		return true
	}
	service, all := strings.CutSuffix(pattern, "*")
	return all && strings.HasSuffix(service, "/") && strings.HasPrefix(fullMethod, service)
}
