package transcode

import (
	"encoding/base64"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
)

// FieldValue returns the value at a path as text, the same for equal values,
// and whether the field is set or has no presence.
func FieldValue(m proto.Message, path policy.FieldPath) (string, bool) {
	reflected := m.ProtoReflect()
	last := len(path) - 1
	for _, fd := range path[:last] {
		if !reflected.Has(fd) {
			return "", false
		}
		reflected = reflected.Get(fd).Message()
	}
	set := !path[last].HasPresence() || reflected.Has(path[last])
	return text(path[last], reflected.Get(path[last])), set
}

func text(fd protoreflect.FieldDescriptor, v protoreflect.Value) string {
	switch fd.Kind() {
	case protoreflect.EnumKind:
		if value := fd.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
		return strconv.Itoa(int(v.Enum()))
	case protoreflect.BytesKind:
		return base64.RawURLEncoding.EncodeToString(v.Bytes())
	default:
		return v.String()
	}
}

// Template is text with a message's fields in braces, such as "order:{id}".
// It is immutable and safe for concurrent use.
type Template struct {
	text   policy.Template
	fields map[string]policy.FieldPath
}

// ParseTemplate resolves a template's fields against a message type.
func ParseTemplate(md protoreflect.MessageDescriptor, source string) (*Template, error) {
	parsed, err := policy.ParseTemplate(source)
	if err != nil {
		return nil, err
	}
	t := &Template{text: parsed, fields: map[string]policy.FieldPath{}}
	for _, name := range parsed.Fields() {
		if t.fields[name], err = policy.ResolveFieldPath(md, name); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Expand fills the template in; escape, where given, is applied to each value.
func (t *Template) Expand(m proto.Message, escape func(string) string) string {
	return t.text.Expand(func(field string) string {
		value, _ := FieldValue(m, t.fields[field])
		if escape != nil {
			value = escape(value)
		}
		return value
	})
}
