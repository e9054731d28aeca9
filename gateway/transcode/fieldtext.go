package transcode

import (
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/venta-hq/venta/gateway/policy"
)

// fieldText returns a string, an integer or an enum's name of a message as text; ""
// where it is not set.
func fieldText(m protoreflect.Message, path policy.FieldPath) string {
	last := len(path) - 1
	for _, field := range path[:last] {
		m = m.Get(field).Message()
	}
	if !m.Has(path[last]) {
		return ""
	}
	return valueText(path[last], m.Get(path[last]))
}

func valueText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	if field.Kind() != protoreflect.EnumKind {
		return value.String()
	}
	if named := field.Enum().Values().ByNumber(value.Enum()); named != nil {
		return string(named.Name())
	}
	return strconv.Itoa(int(value.Enum()))
}

// wireText is fieldText of a message's wire bytes, which are not decoded for it. Of
// several values the last counts, as where they are merged. Bytes that are no message
// have none.
func wireText(wire []byte, path policy.FieldPath) string {
	text, found := "", false
	eachField(wire, path[0].Number(), func(kind protowire.Type, value []byte) {
		switch {
		case len(path) == 1:
			text, found = scalarText(path[0], kind, value), true
		case kind == protowire.BytesType:
			inner, _ := protowire.ConsumeBytes(value)
			if deeper := wireText(inner, path[1:]); deeper != "" || !found {
				text, found = deeper, true
			}
		}
	})
	return text
}

// eachField calls back with each value of a field in wire bytes.
func eachField(wire []byte, field protowire.Number, each func(protowire.Type, []byte)) {
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return
		}
		wire = wire[n:]
		size := protowire.ConsumeFieldValue(number, kind, wire)
		if size < 0 {
			return
		}
		if number == field {
			each(kind, wire[:size])
		}
		wire = wire[size:]
	}
}

// scalarText returns a value of the wire as text. Zero is "not set", as a sender
// without presence leaves it out.
func scalarText(field protoreflect.FieldDescriptor, kind protowire.Type, value []byte) string {
	var number uint64
	switch kind {
	case protowire.BytesType:
		if field.Kind() != protoreflect.StringKind {
			return ""
		}
		content, _ := protowire.ConsumeBytes(value)
		return string(content)
	case protowire.VarintType:
		number, _ = protowire.ConsumeVarint(value)
	case protowire.Fixed32Type:
		narrow, _ := protowire.ConsumeFixed32(value)
		number = uint64(narrow)
	case protowire.Fixed64Type:
		number, _ = protowire.ConsumeFixed64(value)
	default:
		return ""
	}
	if number == 0 && !field.HasPresence() {
		return ""
	}
	return valueText(field, numberValue(field.Kind(), number))
}

func numberValue(kind protoreflect.Kind, number uint64) protoreflect.Value {
	switch kind {
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(int32(number)))
	case protoreflect.Int32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(number))
	case protoreflect.Sint32Kind:
		return protoreflect.ValueOfInt32(int32(protowire.DecodeZigZag(number & 0xffffffff)))
	case protoreflect.Sint64Kind:
		return protoreflect.ValueOfInt64(protowire.DecodeZigZag(number))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(number))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(number)
	default:
		return protoreflect.ValueOfInt64(int64(number))
	}
}
