package annotation

import (
	"maps"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// Merged is what one or more levels say. The zero value says nothing. It is
// immutable and safe for concurrent use.
type Merged struct {
	annotation *policyv1.Policy
	levels     map[protoreflect.Name]Level // of each block that is set
	removed    map[protoreflect.Name]bool  // blocks that some level has removed
}

// With returns m with an inner level's blocks laid over it: a block replaces the
// same block whole, and "disabled: true" removes it. The faults are those of the
// inner level: what [Decode] finds, and blocks disabled that m does not hold.
func (m Merged) With(level Level, annotation *policyv1.Policy) (Merged, []Fault) {
	if annotation == nil {
		return m, nil
	}
	_, wrong := Decode(annotation)
	next := Merged{annotation: &policyv1.Policy{}, levels: maps.Clone(m.levels), removed: maps.Clone(m.removed)}
	if next.levels == nil {
		next.levels, next.removed = map[protoreflect.Name]Level{}, map[protoreflect.Name]bool{}
	}
	into := next.annotation.ProtoReflect()
	m.annotation.ProtoReflect().Range(func(block protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		into.Set(block, value)
		return true
	})
	annotation.ProtoReflect().Range(func(block protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if !isDisabled(block, value) {
			into.Set(block, value)
			next.levels[block.Name()] = level
			return true
		}
		if !into.Has(block) {
			wrong = append(wrong, nothingToRemove(block))
		}
		into.Clear(block)
		delete(next.levels, block.Name())
		next.removed[block.Name()] = true
		return true
	})
	return next, at(level, wrong)
}

func nothingToRemove(block protoreflect.FieldDescriptor) policy.Fault {
	return policy.Fault{
		Path:    disabledPath(block),
		Problem: "there is no inherited " + string(block.Name()) + " to remove",
		Remedy:  "remove this block",
	}
}

// Annotation returns what is written, without defaults. The caller must not
// change it.
func (m Merged) Annotation() *policyv1.Policy { return m.annotation }

// Blocks returns the names of the blocks that are set, in the order of the schema.
func (m Merged) Blocks() []string { return Blocks(m.annotation) }

// Blocks returns the names of an annotation's blocks, in the order of the schema.
func Blocks(p *policyv1.Policy) []string {
	var names []string
	inOrder(p.ProtoReflect(), func(block protoreflect.FieldDescriptor, _ protoreflect.Value) {
		names = append(names, string(block.Name()))
	})
	return names
}

// Level returns where the block that a path leads into was written. What has no
// block, such as a route, belongs to [Method].
func (m Merged) Level(path string) Level {
	if level, ok := m.levels[protoreflect.Name(blockName(path))]; ok {
		return level
	}
	return Method
}

// Silent tells that no level says anything of a block, neither that it is off nor
// that it is removed.
func (m Merged) Silent(block string) bool {
	_, isSet := m.levels[protoreflect.Name(block)]
	return !isSet && !m.removed[protoreflect.Name(block)]
}

func at(level Level, faults []policy.Fault) []Fault {
	var found []Fault
	for _, f := range faults {
		found = append(found, Fault{Level: level, Fault: f})
	}
	return found
}

// isDisabled tells whether a block removes what is inherited.
func isDisabled(block protoreflect.FieldDescriptor, value protoreflect.Value) bool {
	for _, message := range messages(block, value) {
		if disabled := message.Descriptor().Fields().ByName("disabled"); message.Get(disabled).Bool() {
			return true
		}
	}
	return false
}

// messages returns the messages that a block consists of: one, or a list's.
func messages(block protoreflect.FieldDescriptor, value protoreflect.Value) []protoreflect.Message {
	if !block.IsList() {
		return []protoreflect.Message{value.Message()}
	}
	var all []protoreflect.Message
	for i := range value.List().Len() {
		all = append(all, value.List().Get(i).Message())
	}
	return all
}

func disabledPath(block protoreflect.FieldDescriptor) string {
	if block.IsList() {
		return string(block.Name()) + "[0].disabled"
	}
	return string(block.Name()) + ".disabled"
}
