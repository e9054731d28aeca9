package process

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/policy/annotation"
)

// policyText writes policies for people: a line for each value, with where its
// block is written, or that the value is a default.
type policyText struct{ strings.Builder }

// originColumn is where the right column begins.
const originColumn = 48

func writePolicies(w io.Writer, policies []gateway.EffectivePolicy) error {
	var text policyText
	for i, p := range policies {
		if i > 0 {
			text.WriteString("\n")
		}
		text.method(p)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func (t *policyText) method(p gateway.EffectivePolicy) {
	fmt.Fprintf(&t.Builder, "%s  %s\n", p.Method, strings.Join(p.Routes, ", "))
	effective, written := annotation.Encode(p.Policy).ProtoReflect(), p.Written.ProtoReflect()
	origins := maps.Clone(p.Origins)
	fields := effective.Descriptor().Fields()
	for i := range fields.Len() {
		block := fields.Get(i)
		if effective.Has(block) {
			t.field("  ", block, effective, written, origins[string(block.Name())])
			delete(origins, string(block.Name()))
		}
	}
	for _, block := range slices.Sorted(maps.Keys(origins)) {
		if block != "permits" {
			t.line("  "+block+": (off)", origins[block])
		}
	}
	t.permits(p)
	t.overrides(p.Overrides)
}

// permits writes how far operators may change the policy.
func (t *policyText) permits(p gateway.EffectivePolicy) {
	if len(p.Permits) == 0 {
		return
	}
	t.line("  permits:", p.Origins["permits"])
	for _, permit := range p.Permits {
		bounds := "fixed"
		if !permit.GetFixed() {
			bounds = fmt.Sprintf("from %s to %s", cmp.Or(permit.GetMin(), "any"), cmp.Or(permit.GetMax(), "any"))
		}
		t.line("    "+permit.GetField()+": "+bounds, "")
	}
}

// overrides writes which overrides are in force, until when, and why.
func (t *policyText) overrides(all []gateway.Override) {
	if len(all) == 0 {
		return
	}
	t.line("  overrides:", "")
	for _, o := range all {
		until := "without an end"
		if !o.Expires.IsZero() {
			until = "until " + o.Expires.Format(time.RFC3339)
		}
		t.line("    "+o.Methods+": "+until, strings.TrimSpace(o.Source+" "+o.ID))
		if o.Operator != "" {
			t.line("      by "+o.Operator+", "+o.Added.Format(time.RFC3339), "")
		}
		if o.Reason != "" {
			t.line("      "+o.Reason, "")
		}
	}
}

// blocksInForce returns the names of the blocks that an RPC has, in the order of
// the schema.
func blocksInForce(p gateway.EffectivePolicy) []string {
	effective := annotation.Encode(p.Policy).ProtoReflect()
	var names []string
	fields := effective.Descriptor().Fields()
	for i := range fields.Len() {
		if effective.Has(fields.Get(i)) {
			names = append(names, string(fields.Get(i).Name()))
		}
	}
	return names
}

// line writes text, and in the right column a remark.
func (t *policyText) line(text, remark string) {
	if remark == "" {
		t.WriteString(text + "\n")
		return
	}
	fmt.Fprintf(&t.Builder, "%-*s  %s\n", originColumn, text, remark)
}

// field writes a field of an effective policy; what written lacks is a default.
func (t *policyText) field(indent string, field protoreflect.FieldDescriptor, effective, written protoreflect.Message, remark string) {
	name := indent + string(field.Name()) + ":"
	value := effective.Get(field)
	switch {
	case field.IsList() && field.Message() != nil:
		t.line(name, remark)
		for i := range value.List().Len() {
			var entry protoreflect.Message
			if list := written.Get(field).List(); i < list.Len() {
				entry = list.Get(i).Message()
			}
			t.WriteString(indent + "  -\n")
			t.message(indent+"    ", value.List().Get(i).Message(), entry)
		}
	case field.Message() != nil:
		t.line(name, remark)
		t.message(indent+"  ", value.Message(), written.Get(field).Message())
	default:
		if remark == "" && !written.Has(field) {
			remark = "default"
		}
		t.line(name+" "+scalarText(field, value), remark)
	}
}

func (t *policyText) message(indent string, effective, written protoreflect.Message) {
	if written == nil {
		written = effective.Type().Zero()
	}
	fields := effective.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if effective.Has(field) && (field.Name() != "mode" || written.Has(field)) { // in force, as any block
			t.field(indent, field, effective, written, "")
		}
	}
}

func scalarText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	if !field.IsList() {
		return valueText(field, value)
	}
	var all []string
	for i := range value.List().Len() {
		all = append(all, valueText(field, value.List().Get(i)))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func valueText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	if field.Kind() == protoreflect.EnumKind {
		return string(field.Enum().Values().ByNumber(value.Enum()).Name())
	}
	return value.String()
}
