package annotation

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// Effective is the policy of one RPC, defaults filled in.
type Effective struct {
	// Policy is what holds at run time: blocks of MODE_OFF are left out.
	Policy policy.Method

	merged Merged
	whole  policy.Method // with the blocks of MODE_OFF
	wrong  []policy.Fault
	limits []int // for each of Policy.RateLimits, its index in whole
}

// Effective fills in the defaults. What it returns is useful where
// [Merged.With] found no fault; otherwise it serves to look for further faults.
func (m Merged) Effective() Effective {
	enforced, limits := withoutOff(m.annotation)
	e := Effective{merged: m, limits: limits}
	e.whole, e.wrong = Decode(m.annotation)
	e.Policy, _ = Decode(enforced)
	return e
}

// Inherited returns the blocks of the policy that a level outside of the RPC has
// written.
func (e Effective) Inherited() policy.Method {
	var inherited policy.Method
	into, from := reflect.ValueOf(&inherited).Elem(), reflect.ValueOf(e.Policy)
	for _, block := range e.merged.Blocks() {
		name := goName(protoreflect.Name(block))
		if field := into.FieldByName(name); field.IsValid() && e.merged.Level(block) < Method {
			field.Set(from.FieldByName(name))
		}
	}
	return inherited
}

// withoutOff returns the annotation without the blocks of MODE_OFF, and for each
// rate limit that remains its index among all.
func withoutOff(annotation *policyv1.Policy) (*policyv1.Policy, []int) {
	rest := &policyv1.Policy{}
	annotation.ProtoReflect().Range(func(block protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if block.IsList() || !isOff(value.Message()) {
			rest.ProtoReflect().Set(block, value)
		}
		return true
	})
	rest.RateLimits = nil
	var indexes []int
	for i, limit := range annotation.GetRateLimits() {
		if !isOff(limit.ProtoReflect()) {
			rest.RateLimits = append(rest.RateLimits, limit)
			indexes = append(indexes, i)
		}
	}
	return rest, indexes
}

func isOff(block protoreflect.Message) bool {
	mode := block.Descriptor().Fields().ByName("mode") // each block has one
	return policyv1.Mode(block.Get(mode).Enum()) == policyv1.Mode_MODE_OFF
}

// Validate returns what is wrong with the policy on the RPC beyond what
// [Merged.With] has found on a level alone, each fault with the level of its
// block. Blocks of MODE_OFF are checked as if they were in force; what is left
// without them is checked too.
func (e Effective) Validate(rpc policy.RPC) []Fault {
	known := e.whole.ValidateLimits()
	faults := slices.Concat(e.audience(), e.whole.Validate(rpc), e.validateEnforced(rpc), e.CheckPermits())
	var found []Fault
	for _, f := range faults {
		if slices.Contains(known, f) {
			continue
		}
		known = append(known, f)
		found = append(found, Fault{Level: e.merged.Level(f.Path), Fault: f})
	}
	return found
}

// validateEnforced gives the rate limits the indexes that they have in the
// annotation.
func (e Effective) validateEnforced(rpc policy.RPC) []policy.Fault {
	found := e.Policy.Validate(rpc)
	for i, f := range found {
		var index int
		if _, err := fmt.Sscanf(f.Path, "rate_limits[%d]", &index); err != nil {
			continue
		}
		_, rest, _ := strings.Cut(f.Path, "]")
		found[i].Path = e.LimitPath(index) + rest
	}
	return found
}

// CheckPermits returns which permits exclude what the annotation itself says,
// defaults included: an operator could then not even write down what is in force.
// Blocks that are wrong otherwise are left out.
func (e Effective) CheckPermits() []policy.Fault {
	return slices.DeleteFunc(e.merged.exclude(e.whole), func(f policy.Fault) bool {
		var index int
		_, _ = fmt.Sscanf(f.Path, "permits[%d]", &index)
		block := blockName(e.merged.annotation.GetPermits()[index].GetField())
		return slices.ContainsFunc(e.wrong, func(w policy.Fault) bool { return blockName(w.Path) == block })
	})
}

// LimitPath returns the path of an entry of Policy.RateLimits as the annotation has
// it, where entries of MODE_OFF may stand before it.
func (e Effective) LimitPath(index int) string {
	return fmt.Sprintf("rate_limits[%d]", e.limits[index])
}

// audience requires a choice where a stored response could reach somebody who may
// not see it.
func (e Effective) audience() []policy.Fault {
	return requireAudience(e.whole.Auth, e.whole.Cache, e.merged.annotation.GetCache())
}

func requireAudience(auth *policy.Auth, stored *policy.Cache, cache *policyv1.Cache) []policy.Fault {
	chosen := cache.GetAudience() != policyv1.Cache_AUDIENCE_UNSPECIFIED
	if cache == nil || stored == nil || chosen || auth == nil || auth.Requirement == policy.AuthNone {
		return nil
	}
	return []policy.Fault{{
		Path:    "cache.audience",
		Problem: "the RPC authenticates its callers, and nothing says who shares a response",
		Remedy:  "write AUDIENCE_PRINCIPAL, or AUDIENCE_PUBLIC if every caller may see the same response",
	}}
}

// blockName returns the first field of a path.
func blockName(path string) string {
	if end := strings.IndexAny(path, ".["); end >= 0 {
		return path[:end]
	}
	return path
}
