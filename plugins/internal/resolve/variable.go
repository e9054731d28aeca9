package resolve

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// checkVariable checks that a path variable names a field of the request that
// can be written as text.
func (b *binding) checkVariable(path string) {
	if b.annotated && slices.Contains(b.variables, path) {
		b.wrongPath(fmt.Sprintf("%q is bound twice", path), "bind each field once")
	}
	message := b.method.Desc.Input()
	names := strings.Split(path, ".")
	for i, name := range names {
		field := message.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			b.wrongPath(fmt.Sprintf("the variable %q: %s has no field %q", path, message.Name(), name), "name a field of the request")
			return
		}
		last := i == len(names)-1
		switch {
		case last && !isText(field):
			b.wrongPath(fmt.Sprintf("the variable %q is a %s, which a path cannot hold", path, kindOf(field)), "name a single value")
		case !last && (field.Message() == nil || b.annotated && field.Cardinality() == protoreflect.Repeated):
			b.wrongPath(fmt.Sprintf("the variable %q: %q is not a message", path, name), "end the path there")
			return
		}
		message = field.Message()
	}
}

// isText tells whether a path segment can hold the field: a scalar, an enum, a
// list of them with separators between, or one of the messages that JSON writes
// as text or a number.
func isText(field protoreflect.FieldDescriptor) bool {
	if field.IsMap() {
		return false
	}
	return field.Message() == nil || slices.Contains(textMessages(), field.Message().FullName())
}

func textMessages() []protoreflect.FullName {
	return []protoreflect.FullName{
		"google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask",
		"google.protobuf.StringValue", "google.protobuf.BytesValue", "google.protobuf.BoolValue",
		"google.protobuf.Int32Value", "google.protobuf.UInt32Value",
		"google.protobuf.Int64Value", "google.protobuf.UInt64Value",
		"google.protobuf.FloatValue", "google.protobuf.DoubleValue",
	}
}

func kindOf(field protoreflect.FieldDescriptor) string {
	if field.IsMap() {
		return "map"
	}
	return "message"
}
