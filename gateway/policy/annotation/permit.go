package annotation

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// mostPermits is how many permits an annotation holds.
const mostPermits = 32

// permits checks what an author permits operators to override.
func (d *decoder) permits(permits []*policyv1.Permit) {
	if len(permits) > mostPermits {
		d.fault("permits", fmt.Sprintf("%d permits are too many", len(permits)), fmt.Sprintf("write at most %d", mostPermits))
	}
	seen := map[string]bool{}
	for i, p := range permits {
		if p.GetDisabled() {
			return
		}
		path := fmt.Sprintf("permits[%d]", i)
		if seen[p.GetField()] {
			d.fault(path+".field", fmt.Sprintf("%q is written twice", p.GetField()), "remove one of them")
		}
		seen[p.GetField()] = true
		d.permit(path, p)
	}
}

func (d *decoder) permit(path string, p *policyv1.Permit) {
	field, ok := fieldOf(p.GetField())
	switch ranged := p.Min != nil || p.Max != nil; {
	case !ok:
		d.fault(path+".field", fmt.Sprintf("%q is no field of a policy", p.GetField()), `write a path such as "timeout.duration"`)
	case blockName(p.GetField()) == "objective":
		d.fault(path+".field", objectiveIsGenerated, "remove it: no override changes an objective")
	case blockName(p.GetField()) == "webhook":
		d.fault(path+".field", webhookIsTheGuard, "remove it: no override changes a webhook")
	case p.GetFixed() && ranged:
		d.fault(path+".fixed", "what is fixed has no range", "remove fixed, or min and max")
	case p.GetFixed():
	case !ranged:
		d.fault(path, "it bounds nothing", "write min, max or fixed")
	case !ordered(field):
		d.fault(path+".field", fmt.Sprintf("%q has no order, so it has no range", p.GetField()), "write fixed, or name a number or a duration")
	default:
		d.permitRange(path, field, p)
	}
}

func (d *decoder) permitRange(path string, field protoreflect.FieldDescriptor, p *policyv1.Permit) {
	least, hasLeast := d.bound(path+".min", field, p.Min)
	most, hasMost := d.bound(path+".max", field, p.Max)
	if hasLeast && hasMost && least > most {
		d.fault(path+".max", fmt.Sprintf("%s is less than the min of %s", p.GetMax(), p.GetMin()), "raise max or lower min")
	}
}

func (d *decoder) bound(path string, field protoreflect.FieldDescriptor, text *string) (float64, bool) {
	if text == nil {
		return 0, false
	}
	value, ok := parseValue(field, *text)
	if !ok {
		d.fault(path, fmt.Sprintf("%q is no value of %s", *text, field.Name()), `write a number or a duration, as the field has it`)
	}
	return value, ok
}

// fieldOf follows a path from a policy; lists are written without an index.
func fieldOf(path string) (protoreflect.FieldDescriptor, bool) {
	at := (*policyv1.Policy)(nil).ProtoReflect().Descriptor()
	var field protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		if at == nil {
			return nil, false
		}
		if field = at.Fields().ByName(protoreflect.Name(name)); field == nil {
			return nil, false
		}
		at = field.Message()
	}
	return field, blockName(path) != "permits"
}

// ordered tells whether a field holds one number or one duration.
func ordered(field protoreflect.FieldDescriptor) bool {
	switch field.Kind() {
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.DoubleKind, protoreflect.StringKind:
		return !field.IsList()
	default:
		return false
	}
}

// parseValue returns a number, or a duration in seconds.
func parseValue(field protoreflect.FieldDescriptor, text string) (float64, bool) {
	if field.Kind() == protoreflect.StringKind {
		d, err := time.ParseDuration(text)
		return d.Seconds(), err == nil
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// exclude returns which permits exclude values of a policy. A value that is not
// there has no place in a range.
func (m Merged) exclude(p policy.Method) []policy.Fault {
	var found []policy.Fault
	written := Encode(p).ProtoReflect()
	for i, permit := range m.annotation.GetPermits() {
		field, ok := fieldOf(permit.GetField())
		if !ok || permit.GetFixed() || !ordered(field) {
			continue // wrong, or without a range
		}
		for _, v := range valuesAt(written, permit.GetField()) {
			if _, ok := inRange(permit, v); ok || !v.present {
				continue
			}
			found = append(found, policy.Fault{
				Path:    fmt.Sprintf("permits[%d]", i),
				Problem: fmt.Sprintf("%s is %s, which is not what it permits (%s)", permit.GetField(), plain(v.value.String()), describeRange(permit)),
				Remedy:  "widen it, or change the value",
			})
			break
		}
	}
	return found
}

// plain returns a duration as people write it, "1h" for "1h0m0s".
func plain(text string) string {
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// allows returns what an override says against the author's permits.
func allows(permits []*policyv1.Permit, authored, override *policyv1.Policy) []policy.Fault {
	var found []policy.Fault
	for _, p := range permits {
		block := authored.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(blockName(p.GetField())))
		if block == nil || !override.ProtoReflect().Has(block) {
			continue
		}
		if p.GetFixed() {
			found = append(found, keeps(p, authored, override)...)
		} else {
			found = append(found, within(p, block, override)...)
		}
	}
	return found
}

// keeps checks that a fixed field or block stays as the author wrote it.
func keeps(p *policyv1.Permit, authored, override *policyv1.Policy) []policy.Fault {
	was, is := valuesAt(authored.ProtoReflect(), p.GetField()), valuesAt(override.ProtoReflect(), p.GetField())
	equal := len(was) == len(is)
	for i := 0; equal && i < len(was); i++ {
		equal = was[i].present == is[i].present && (!was[i].present || was[i].value.Equal(is[i].value))
	}
	if equal {
		return nil
	}
	return []policy.Fault{{Path: p.GetField(), Problem: "the author has fixed it", Remedy: "leave it as it is annotated"}}
}

// within checks that an override keeps a field in its range and the block in force.
func within(p *policyv1.Permit, block protoreflect.FieldDescriptor, override *policyv1.Policy) []policy.Fault {
	value := override.ProtoReflect().Get(block)
	for _, m := range messages(block, value) {
		mode := m.Descriptor().Fields().ByName("mode")
		if isDisabled(block, value) || m.Get(mode).Enum() > protoreflect.EnumNumber(policyv1.Mode_MODE_ENFORCE) {
			return []policy.Fault{{
				Path:    string(block.Name()),
				Problem: "the author bounds " + p.GetField() + ", so the block can be neither removed nor weakened",
				Remedy:  "keep it in force",
			}}
		}
	}
	var found []policy.Fault
	for _, v := range valuesAt(override.ProtoReflect(), p.GetField()) {
		if fault, ok := inRange(p, v); !ok {
			found = append(found, fault)
		}
	}
	return found
}

func inRange(p *policyv1.Permit, v fieldValue) (policy.Fault, bool) {
	permitted := describeRange(p)
	if !v.present {
		return policy.Fault{Path: p.GetField(), Problem: "it is not written, and the author permits " + permitted, Remedy: "write it"}, false
	}
	value, ok := parseValue(v.field, v.value.String())
	least, most := true, true
	if p.Min != nil {
		bound, _ := parseValue(v.field, p.GetMin())
		least = value >= bound
	}
	if p.Max != nil {
		bound, _ := parseValue(v.field, p.GetMax())
		most = value <= bound
	}
	return policy.Fault{
		Path:    p.GetField(),
		Problem: v.value.String() + " is not what the author permits",
		Remedy:  "write a value " + permitted,
	}, ok && least && most
}

func describeRange(p *policyv1.Permit) string {
	switch {
	case p.Max == nil:
		return "from " + p.GetMin()
	case p.Min == nil:
		return "up to " + p.GetMax()
	default:
		return "from " + p.GetMin() + " to " + p.GetMax()
	}
}

// fieldValue is what a field holds in one place.
type fieldValue struct {
	field   protoreflect.FieldDescriptor
	value   protoreflect.Value
	present bool
}

// valuesAt returns what the path leads to: one value, or one of each entry of
// the lists in between. A block that is absent has none.
func valuesAt(message protoreflect.Message, path string) []fieldValue {
	name, rest, deeper := strings.Cut(path, ".")
	field := message.Descriptor().Fields().ByName(protoreflect.Name(name))
	if !deeper {
		return []fieldValue{{field, detached(message.Get(field)), message.Has(field)}}
	}
	if !message.Has(field) {
		return nil
	}
	var found []fieldValue
	for _, inner := range messages(field, message.Get(field)) {
		found = append(found, valuesAt(inner, rest)...)
	}
	return found
}

// detached returns a value that later changes of its message do not reach.
func detached(v protoreflect.Value) protoreflect.Value {
	if m, ok := v.Interface().(protoreflect.Message); ok {
		return protoreflect.ValueOfMessage(proto.Clone(m.Interface()).ProtoReflect())
	}
	return v
}
