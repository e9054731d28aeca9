package transcode

import (
	"strconv"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// converter turns the text of a path variable into one value of a field.
type converter func(text string) (protoreflect.Value, error)

// converterOf returns the converter that generated handlers use for a field, or
// nil for a message that they have none for.
func converterOf(fd protoreflect.FieldDescriptor) converter {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return func(text string) (protoreflect.Value, error) { return protoreflect.ValueOfString(text), nil }
	case protoreflect.BoolKind:
		return convert(strconv.ParseBool, protoreflect.ValueOfBool)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return convert(runtime.Int32, protoreflect.ValueOfInt32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return convert(runtime.Int64, protoreflect.ValueOfInt64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return convert(runtime.Uint32, protoreflect.ValueOfUint32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return convert(runtime.Uint64, protoreflect.ValueOfUint64)
	case protoreflect.FloatKind:
		return convert(runtime.Float32, protoreflect.ValueOfFloat32)
	case protoreflect.DoubleKind:
		return convert(runtime.Float64, protoreflect.ValueOfFloat64)
	case protoreflect.BytesKind:
		return convert(runtime.Bytes, protoreflect.ValueOfBytes)
	case protoreflect.EnumKind:
		return enumConverter(fd.Enum())
	default:
		return messageConverter(fd.Message().FullName())
	}
}

func convert[T any](parse func(string) (T, error), value func(T) protoreflect.Value) converter {
	return func(text string) (protoreflect.Value, error) {
		parsed, err := parse(text)
		if err != nil {
			return protoreflect.Value{}, err
		}
		return value(parsed), nil
	}
}

// enumConverter takes a value's name, or the number of a value that is declared.
func enumConverter(ed protoreflect.EnumDescriptor) converter {
	numbers := make(map[string]int32, ed.Values().Len())
	for i := range ed.Values().Len() {
		value := ed.Values().Get(i)
		numbers[string(value.Name())] = int32(value.Number())
	}
	parse := func(text string) (int32, error) { return runtime.Enum(text, numbers) }
	return convert(parse, func(n int32) protoreflect.Value { return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)) })
}

func messageConverter(name protoreflect.FullName) converter {
	switch name {
	case "google.protobuf.Timestamp":
		return convertMessage(runtime.Timestamp)
	case "google.protobuf.Duration":
		return convertMessage(runtime.Duration)
	case "google.protobuf.StringValue":
		return convertMessage(runtime.StringValue)
	case "google.protobuf.BytesValue":
		return convertMessage(runtime.BytesValue)
	case "google.protobuf.BoolValue":
		return convertMessage(runtime.BoolValue)
	case "google.protobuf.Int32Value":
		return convertMessage(runtime.Int32Value)
	case "google.protobuf.UInt32Value":
		return convertMessage(runtime.UInt32Value)
	case "google.protobuf.Int64Value":
		return convertMessage(runtime.Int64Value)
	case "google.protobuf.UInt64Value":
		return convertMessage(runtime.UInt64Value)
	case "google.protobuf.FloatValue":
		return convertMessage(runtime.FloatValue)
	case "google.protobuf.DoubleValue":
		return convertMessage(runtime.DoubleValue)
	default:
		return nil
	}
}

func convertMessage[M proto.Message](parse func(string) (M, error)) converter {
	return convert(parse, func(m M) protoreflect.Value { return protoreflect.ValueOfMessage(m.ProtoReflect()) })
}
