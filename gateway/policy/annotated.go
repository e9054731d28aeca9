package policy

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// annotation is the field number of the annotations among the options of a
// file, a service and a method (venta/policy/v1/annotations.proto).
const annotation protoreflect.FieldNumber = 50777

// Annotated tells whether a policy is written on a service, its file or one of
// its RPCs. What is no service has none.
func Annotated(service protoreflect.Descriptor) bool {
	s, ok := service.(protoreflect.ServiceDescriptor)
	if !ok {
		return false
	}
	if bears(s.ParentFile()) || bears(s) {
		return true
	}
	for i := range s.Methods().Len() {
		if bears(s.Methods().Get(i)) {
			return true
		}
	}
	return false
}

// bears tells whether a descriptor's own options hold an annotation, whether or
// not the program knows its type.
func bears(d protoreflect.Descriptor) bool {
	if d == nil || d.Options() == nil {
		return false
	}
	options := d.Options().ProtoReflect()
	found := false
	options.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		found = field.IsExtension() && field.Number() == annotation
		return !found
	})
	for unknown := options.GetUnknown(); !found && len(unknown) > 0; {
		number, _, n := protowire.ConsumeField(unknown)
		if n < 0 {
			return false
		}
		found, unknown = number == annotation, unknown[n:]
	}
	return found
}
