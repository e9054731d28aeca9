package annotation

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	policyv1 "github.com/venta-hq/venta/gen/venta/policy/v1"
)

// inspect finds what can be said of any block without knowing what it means:
// what this version of the gateway does not know or does not support, and
// blocks that are disabled and say something nevertheless.
func (d *decoder) inspect(annotation *policyv1.Policy) {
	d.message("", annotation.ProtoReflect())
	inOrder(annotation.ProtoReflect(), func(block protoreflect.FieldDescriptor, value protoreflect.Value) {
		if isDisabled(block, value) && saysMore(block, value) {
			d.fault(disabledPath(block), "a block that is disabled says nothing else", "remove the other fields, or remove disabled")
		}
	})
}

// saysMore tells whether a disabled block holds more than that.
func saysMore(block protoreflect.FieldDescriptor, value protoreflect.Value) bool {
	all := messages(block, value)
	fields := 0
	all[0].Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
		fields++
		return true
	})
	return len(all) > 1 || fields > 1
}

func (d *decoder) message(path string, message protoreflect.Message) {
	if len(message.GetUnknown()) > 0 {
		d.fault(path, "a field is newer than this program", "update protoc-gen-venta-gateway and the gateway")
	}
	inOrder(message, func(field protoreflect.FieldDescriptor, value protoreflect.Value) {
		name := join(path, field)
		if entry, ok := findUnsupported(field, anyValue); ok {
			d.fault(name, "it is not supported yet", entry.remedy)
			return
		}
		if !field.IsList() {
			d.value(name, field, value)
			return
		}
		for i := range value.List().Len() {
			d.value(fmt.Sprintf("%s[%d]", name, i), field, value.List().Get(i))
		}
	})
}

// value inspects a field's value, or one value of a list.
func (d *decoder) value(path string, field protoreflect.FieldDescriptor, value protoreflect.Value) {
	switch field.Kind() {
	case protoreflect.MessageKind:
		d.message(path, value.Message())
	case protoreflect.EnumKind:
		known := field.Enum().Values().ByNumber(value.Enum())
		if known == nil {
			d.fault(path, fmt.Sprintf("%d is no value of %s", value.Enum(), field.Enum().Name()), "write one of its names")
		} else if entry, ok := findUnsupported(field, value.Enum()); ok {
			d.fault(path, string(known.Name())+" is not supported yet", entry.remedy)
		}
	}
}

// inOrder visits the fields that are set, in the order of the schema.
func inOrder(message protoreflect.Message, visit func(protoreflect.FieldDescriptor, protoreflect.Value)) {
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		if field := fields.Get(i); message.Has(field) {
			visit(field, message.Get(field))
		}
	}
}

func join(path string, field protoreflect.FieldDescriptor) string {
	if path == "" {
		return string(field.Name())
	}
	return path + "." + string(field.Name())
}
