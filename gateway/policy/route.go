package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// versionName is how proto packages and routes write a version.
var versionName = regexp.MustCompile(`^v[0-9]+(p[0-9]+)?((alpha|beta)[0-9]*)?$`)

// PackageVersion returns the version that a proto package ends with, such as
// "v2" of "shop.v2", or "".
func PackageVersion(name protoreflect.FullName) string {
	if last := string(name.Name()); versionName.MatchString(last) {
		return last
	}
	return ""
}

// checkRoutes checks routes, where somebody has written a policy at all.
func checkRoutes(rpc RPC) faults {
	if !rpc.Annotated {
		return nil
	}
	return append(checkVersions(rpc), checkReads(rpc)...)
}

// checkReads keeps an RPC that says it only reads, and so may be repeated, hedged
// and stored, from being a write to its clients. A POST may read: a search whose
// query is large is one.
func checkReads(rpc RPC) faults {
	var found faults
	for i, route := range rpc.Routes {
		if rpc.Idempotency == NoSideEffects && slices.Contains([]string{"DELETE", "PUT", "PATCH"}, route.Verb) {
			found.add(entry("routes", i), fmt.Sprintf("the RPC is declared NO_SIDE_EFFECTS, and %s is a write", route.Verb),
				`write "option idempotency_level = IDEMPOTENT" where a second call changes nothing more, or another verb`)
		}
	}
	return found
}

// checkVersions checks that a route under /vN is one of the package's version.
func checkVersions(rpc RPC) faults {
	var found faults
	for i, route := range rpc.Routes {
		found = append(found, rpc.ofVersion(entry("routes", i), route.Path)...)
	}
	return found
}

// ofVersion checks the path of one route.
func (r RPC) ofVersion(at, path string) faults {
	var found faults
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if r.Version != "" && versionName.MatchString(first) && first != r.Version {
		found.add(at, fmt.Sprintf("%s is a route of %s, and the package is of %s", path, first, r.Version),
			fmt.Sprintf("write /%s, or move the RPC to a package of %s", r.Version, first))
	}
	return found
}
