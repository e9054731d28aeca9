package transcode

import (
	"reflect"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// goField is where a field stands in the Go struct of its message. Marshalers
// decode what is no message into such fields, as generated handlers hand them.
type goField struct {
	field protoreflect.FieldDescriptor
	index int
	oneof bool // the struct field holds the oneof's wrapper
}

// findGoField finds a field in a generated message, by the tag that the
// generator writes. It returns nil for a message without open fields.
func findGoField(m proto.Message, fd protoreflect.FieldDescriptor) *goField {
	message := reflect.TypeOf(m)
	if message.Kind() != reflect.Pointer || message.Elem().Kind() != reflect.Struct {
		return nil
	}
	oneof := fd.ContainingOneof()
	for i := range message.Elem().NumField() {
		field := message.Elem().Field(i)
		switch {
		case !field.IsExported():
		case oneof != nil && !oneof.IsSynthetic():
			if field.Tag.Get("protobuf_oneof") == string(oneof.Name()) {
				return &goField{fd, i, true}
			}
		case tagNumber(field.Tag) == fd.Number():
			return &goField{fd, i, false}
		}
	}
	return nil
}

// tagNumber reads the number of a tag such as `protobuf:"bytes,3,opt,name=a"`.
func tagNumber(tag reflect.StructTag) protoreflect.FieldNumber {
	parts := strings.SplitN(tag.Get("protobuf"), ",", 3)
	if len(parts) < 2 {
		return 0
	}
	number, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0
	}
	return protoreflect.FieldNumber(number)
}

// value returns the field of a message, and nil for a member of a oneof that is
// not set.
func (f *goField) value(m proto.Message) any {
	message := reflect.ValueOf(m)
	if message.IsNil() || f.oneof && !m.ProtoReflect().Has(f.field) {
		return nil
	}
	field := message.Elem().Field(f.index)
	if f.oneof {
		field = field.Elem().Elem().Field(0)
	}
	return field.Interface()
}

// pointer returns a pointer to the field in the message.
func (f *goField) pointer(m proto.Message) any {
	if f.oneof {
		m.ProtoReflect().Set(f.field, m.ProtoReflect().NewField(f.field))
	}
	field := reflect.ValueOf(m).Elem().Field(f.index)
	if f.oneof {
		field = field.Elem().Elem().Field(0)
	}
	return field.Addr().Interface()
}
