package wirejson

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// kind is how a value is written: what protobuf's kinds become once the wire
// type is dealt with.
type kind uint8

const (
	kindBool kind = iota
	kindInt32
	kindSint32
	kindUint32
	kindInt64
	kindSint64
	kindUint64
	kindFloat
	kindDouble
	kindEnum
	kindNull // google.protobuf.NullValue
	kindString
	kindBytes
	kindMessage
)

// encoding is how a kind of field looks on the wire and in JSON.
type encoding struct {
	kind kind
	wire protowire.Type
	mask uint64 // the bits of a varint that count
}

const (
	low32 = math.MaxUint32
	all64 = math.MaxUint64
)

var encodings = map[protoreflect.Kind]encoding{
	protoreflect.BoolKind:     {kindBool, protowire.VarintType, all64},
	protoreflect.EnumKind:     {kindEnum, protowire.VarintType, low32},
	protoreflect.Int32Kind:    {kindInt32, protowire.VarintType, low32},
	protoreflect.Sint32Kind:   {kindSint32, protowire.VarintType, low32},
	protoreflect.Uint32Kind:   {kindUint32, protowire.VarintType, low32},
	protoreflect.Int64Kind:    {kindInt64, protowire.VarintType, all64},
	protoreflect.Sint64Kind:   {kindSint64, protowire.VarintType, all64},
	protoreflect.Uint64Kind:   {kindUint64, protowire.VarintType, all64},
	protoreflect.Sfixed32Kind: {kindInt32, protowire.Fixed32Type, all64},
	protoreflect.Fixed32Kind:  {kindUint32, protowire.Fixed32Type, all64},
	protoreflect.FloatKind:    {kindFloat, protowire.Fixed32Type, all64},
	protoreflect.Sfixed64Kind: {kindInt64, protowire.Fixed64Type, all64},
	protoreflect.Fixed64Kind:  {kindUint64, protowire.Fixed64Type, all64},
	protoreflect.DoubleKind:   {kindDouble, protowire.Fixed64Type, all64},
	protoreflect.StringKind:   {kindString, protowire.BytesType, 0},
	protoreflect.BytesKind:    {kindBytes, protowire.BytesType, 0},
	protoreflect.MessageKind:  {kindMessage, protowire.BytesType, 0},
	protoreflect.GroupKind:    {kindMessage, protowire.StartGroupType, 0},
}

// signed gives a signed kind's value from the bits on the wire.
func (k kind) signed(bits uint64) int64 {
	switch k {
	case kindInt32, kindEnum:
		return int64(int32(bits))
	case kindSint32, kindSint64:
		return protowire.DecodeZigZag(bits)
	default:
		return int64(bits)
	}
}
