package policy

import (
	"fmt"
	"regexp"
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

// checkRoutes checks that a route under /vN is one of the package's version,
// where somebody has written a policy at all.
func checkRoutes(rpc RPC) faults {
	var found faults
	if rpc.Version == "" || !rpc.Annotated {
		return nil
	}
	for i, route := range rpc.Routes {
		first, _, _ := strings.Cut(strings.TrimPrefix(route.Path, "/"), "/")
		if versionName.MatchString(first) && first != rpc.Version {
			found.add(entry("routes", i), fmt.Sprintf("%s is a route of %s, and the package is of %s", route.Path, first, rpc.Version),
				fmt.Sprintf("write /%s, or move the RPC to a package of %s", rpc.Version, first))
		}
	}
	return found
}
