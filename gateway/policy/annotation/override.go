package annotation

import (
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// Of returns what is annotated on an RPC of this program, on its service and on
// its file.
func Of(method protoreflect.MethodDescriptor) (Merged, []Fault) {
	service := method.Parent()
	return Merge(
		written(service.Parent(), policyv1.E_File),
		written(service, policyv1.E_Service),
		written(method, policyv1.E_Method),
	)
}

func written(d protoreflect.Descriptor, extension protoreflect.ExtensionType) *policyv1.Policy {
	if !proto.HasExtension(d.Options(), extension) {
		return nil
	}
	p, _ := proto.GetExtension(d.Options(), extension).(*policyv1.Policy)
	return p
}

const objectiveIsGenerated = "alerts, dashboards and buckets are made of the annotation, and an override reaches none of them"

// Override lays an operator's policy over the effective policy of an RPC: a
// block replaces the same block whole, and "disabled: true" or MODE_OFF removes
// it. The result is checked as an annotation is, and held to what the author
// permits. With faults the result must not be used.
func (m Merged) Override(rpc policy.RPC, effective policy.Method, override *policyv1.Policy) (policy.Method, []policy.Fault) {
	decoded, found := Decode(override)
	if len(override.GetPermits()) > 0 {
		found = append(found, policy.Fault{Path: "permits", Problem: "an override permits nothing", Remedy: "remove it"})
	}
	if override.GetObjective() != nil {
		found = append(found, policy.Fault{Path: "objective", Problem: objectiveIsGenerated, Remedy: "change the annotation, and generate"})
	}
	if override.GetWebhook() != nil {
		found = append(found, policy.Fault{Path: "webhook", Problem: webhookIsTheGuard, Remedy: "change the annotation, and generate"})
	}
	found = append(found, allows(m.annotation.GetPermits(), m.annotation, override)...)
	if len(found) > 0 {
		return effective, found
	}
	result := replaceBlocks(effective, decoded, override)
	checked := result
	checked.Objective = nil // an operator may set a timeout below what is promised
	found = append(removals(effective, override), checked.Validate(rpc)...)
	found = append(found, streamStays(effective.Stream, result.Stream)...)
	return result, append(found, requireAudience(result.Auth, result.Cache, override.GetCache())...)
}

// streamStays refuses to move what clients of a stream are built on. A stream may be
// removed.
func streamStays(before, after *policy.Stream) []policy.Fault {
	if after == nil {
		return nil
	}
	if before == nil {
		return []policy.Fault{{Path: "stream", Problem: "the annotation offers no stream", Remedy: "remove it"}}
	}
	var found []policy.Fault
	for _, fixed := range []struct{ field, before, after string }{
		{"path", before.Path, after.Path},
		{"ticket_path", before.TicketPath, after.TicketPath},
		{"resume_field", before.ResumeField, after.ResumeField},
		{"id_field", before.IDField, after.IDField},
		{"event_field", before.EventField, after.EventField},
	} {
		if fixed.before != fixed.after {
			found = append(found, policy.Fault{
				Path: "stream." + fixed.field, Problem: fmt.Sprintf("it is %q, and clients are built on it", fixed.before),
				Remedy: fmt.Sprintf("write %q", fixed.before),
			})
		}
	}
	return found
}

// replaceBlocks returns effective with each block that the override writes.
func replaceBlocks(effective, decoded policy.Method, override *policyv1.Policy) policy.Method {
	into, from := reflect.ValueOf(&effective).Elem(), reflect.ValueOf(decoded)
	enforced, _ := withoutOff(override)
	on, _ := Decode(enforced)
	inOrder(override.ProtoReflect(), func(block protoreflect.FieldDescriptor, value protoreflect.Value) {
		name := goName(block.Name())
		if block.IsList() || !isOff(value.Message()) {
			into.FieldByName(name).Set(reflect.ValueOf(on).FieldByName(name))
		} else {
			into.FieldByName(name).Set(reflect.Zero(from.FieldByName(name).Type()))
		}
	})
	return effective
}

// removals finds blocks that are removed and were not there.
func removals(effective policy.Method, override *policyv1.Policy) []policy.Fault {
	var found []policy.Fault
	inOrder(override.ProtoReflect(), func(block protoreflect.FieldDescriptor, value protoreflect.Value) {
		if isDisabled(block, value) && reflect.ValueOf(effective).FieldByName(goName(block.Name())).IsZero() {
			fault := nothingToRemove(block)
			fault.Problem = "there is no " + string(block.Name()) + " to remove"
			found = append(found, fault)
		}
	})
	return found
}

// goName returns the name of a block in policy.Method.
func goName(block protoreflect.Name) string {
	var b strings.Builder
	for part := range strings.SplitSeq(string(block), "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}
