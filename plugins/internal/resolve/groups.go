package resolve

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/policy/annotation"
)

// groups holds the first member of each group of limits.
type groups map[string]member

type member struct {
	rpc   protoreflect.FullName
	limit policy.RateLimit
}

// checkGroups compares an RPC's limits with those that they have one count with.
// What other runs of the plugin generate, the gateway compares at its start.
func (r *resolver) checkGroups(s scope, method *protogen.Method, effective annotation.Effective) {
	for i, limit := range effective.Policy.RateLimits {
		id := limit.GroupID(string(method.Parent.Desc.FullName()), method.Desc.ParentFile().Path())
		if id == "" {
			continue
		}
		first, known := r.groups[id]
		if !known {
			r.groups[id] = member{method.Desc.FullName(), limit}
			continue
		}
		if policy.Equal(first.limit, limit) {
			continue
		}
		r.policyFault(s, annotation.Fault{Level: s.merged.Level("rate_limits"), Fault: policy.Fault{
			Path:    effective.LimitPath(i) + ".group",
			Problem: fmt.Sprintf("it has one count with the limit of %s in the group %q and has other settings", first.rpc, limit.Group),
			Remedy:  "write the same settings, or name another group",
		}}, method)
	}
}
