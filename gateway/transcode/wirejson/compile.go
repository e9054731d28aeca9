package wirejson

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// message is the table of a message type.
type message struct {
	name       protoreflect.FullName
	fields     []field                     // in the order of declaration
	dense      []uint16                    // by small field number: 1 + the index in fields
	sparse     map[protowire.Number]uint16 // the same for other numbers
	extensions protoreflect.FieldRanges    // nil: none
	required   []int                       // indexes in fields
	absent     bool                        // whether a field has an absent text
	special    special                     // the well-known type that it is
	typ        protoreflect.MessageType    // for the stock codec
}

type cardinality uint8

const (
	singular cardinality = iota
	list
	mapping
)

// field is the table of a field.
type field struct {
	encoding
	cardinality cardinality
	accepts     uint8  // wire types, one bit each
	implicit    bool   // a zero value is not written
	utf8        bool   // a string that is checked even when it is not shown
	oneof       uint16 // 0: none, else 1 + the oneof's index
	key         []byte // `,"name":`
	absent      []byte // `,"name":null` or the like; nil: nothing
	name        protoreflect.FullName
	enum        *enum
	message     *message // of kindMessage, or a map's entry type
}

// denseLimit bounds the direct table of field numbers. Most messages fit.
const denseLimit = 256

type compiler struct {
	opts  Options
	known map[protoreflect.MessageDescriptor]*message
}

// message compiles md, or returns the table under construction of a message
// that contains itself.
func (c *compiler) message(md protoreflect.MessageDescriptor) (*message, error) {
	if m, ok := c.known[md]; ok {
		return m, nil
	}
	if md.IsPlaceholder() {
		return nil, fmt.Errorf("wirejson: %s: unresolved message type", md.FullName())
	}
	if set, ok := md.(interface{ IsMessageSet() bool }); ok && set.IsMessageSet() {
		return nil, fmt.Errorf("wirejson: %s: message sets have no JSON form", md.FullName())
	}
	if md.Fields().Len() > math.MaxUint16-1 {
		return nil, fmt.Errorf("wirejson: %s: too many fields", md.FullName())
	}
	m := &message{name: md.FullName(), typ: c.messageType(md)}
	c.known[md] = m
	if md.ExtensionRanges().Len() > 0 {
		m.extensions = md.ExtensionRanges()
	}
	if err := c.fields(m, md.Fields()); err != nil {
		return nil, err
	}
	return m, m.setSpecial(md)
}

func (c *compiler) fields(m *message, fds protoreflect.FieldDescriptors) error {
	m.fields = make([]field, fds.Len())
	m.sparse = map[protowire.Number]uint16{}
	for i := range m.fields {
		fd := fds.Get(i)
		f, err := c.field(fd)
		if err != nil {
			return err
		}
		m.fields[i] = f
		m.absent = m.absent || f.absent != nil
		if fd.Cardinality() == protoreflect.Required {
			m.required = append(m.required, i)
		}
		m.index(fd.Number(), uint16(i+1))
	}
	return nil
}

// index records that a field number belongs to a field.
func (m *message) index(num protowire.Number, position uint16) {
	if num >= denseLimit {
		m.sparse[num] = position
		return
	}
	for len(m.dense) <= int(num) {
		m.dense = append(m.dense, 0)
	}
	m.dense[num] = position
}

func (c *compiler) field(fd protoreflect.FieldDescriptor) (field, error) {
	f := field{
		encoding: encodings[fd.Kind()],
		name:     fd.FullName(),
		utf8:     fd.Kind() == protoreflect.StringKind && enforcesUTF8(fd),
		implicit: !fd.HasPresence() && fd.Cardinality() != protoreflect.Repeated,
		oneof:    oneofOf(fd),
	}
	f.accepts = 1 << f.wire
	switch {
	case fd.IsMap():
		f.cardinality = mapping
	case fd.IsList():
		f.cardinality = list
		f.accepts |= 1 << protowire.BytesType
		if f.wire == protowire.StartGroupType {
			f.accepts = 1 << f.wire
		}
	}
	if err := c.setType(&f, fd); err != nil {
		return f, err
	}
	return f, c.setKey(&f, fd)
}

// setType compiles the enum or message that a field's values are of.
func (c *compiler) setType(f *field, fd protoreflect.FieldDescriptor) (err error) {
	switch {
	case fd.Enum() != nil && fd.Enum().FullName() == "google.protobuf.NullValue":
		f.kind = kindNull
	case fd.Enum() != nil && fd.Enum().IsPlaceholder():
		return fmt.Errorf("wirejson: %s: unresolved enum type", fd.Enum().FullName())
	case fd.Enum() != nil:
		f.enum = newEnum(fd.Enum(), c.opts.UseEnumNumbers)
	case fd.Message() != nil:
		f.message, err = c.message(fd.Message())
	}
	return err
}

// setKey prepares the texts that do not depend on the value.
func (c *compiler) setKey(f *field, fd protoreflect.FieldDescriptor) error {
	name := fd.JSONName()
	if c.opts.UseProtoNames {
		name = fd.TextName()
	}
	key, ok := appendString([]byte{','}, []byte(name))
	if !ok {
		return fmt.Errorf("wirejson: %s: JSON name is not UTF-8", f.name)
	}
	f.key = append(key, ':')
	if text := c.absent(f, fd); text != "" {
		f.absent = append(append([]byte(nil), f.key...), text...)
	}
	return nil
}

// absent is the value that is written for a field that is not set, "" if none.
func (c *compiler) absent(f *field, fd protoreflect.FieldDescriptor) string {
	emits := c.opts.EmitUnpopulated || c.opts.EmitDefaultValues
	switch {
	case !emits || fd.ContainingOneof() != nil:
		return ""
	case f.cardinality == list:
		return "[]"
	case f.cardinality == mapping:
		return "{}"
	case f.implicit:
		return string(appendZero(nil, f))
	case c.opts.EmitUnpopulated:
		return "null"
	default:
		return ""
	}
}

// messageType prefers the linked Go type, which decodes faster than a dynamic one.
func (c *compiler) messageType(md protoreflect.MessageDescriptor) protoreflect.MessageType {
	if t, err := c.opts.Resolver.FindMessageByName(md.FullName()); err == nil && t.Descriptor() == md {
		return t
	}
	return dynamicpb.NewMessageType(md)
}

// enforcesUTF8 follows protobuf-go, which asks only editions for the feature.
func enforcesUTF8(fd protoreflect.FieldDescriptor) bool {
	if fd.Syntax() == protoreflect.Editions {
		if f, ok := fd.(interface{ EnforceUTF8() bool }); ok {
			return f.EnforceUTF8()
		}
	}
	return fd.Syntax() == protoreflect.Proto3
}

// oneofOf names a oneof that has to be told apart: one of several members, which
// every compiler keeps together.
func oneofOf(fd protoreflect.FieldDescriptor) uint16 {
	if od := fd.ContainingOneof(); od != nil && od.Fields().Len() > 1 {
		return uint16(od.Index() + 1)
	}
	return 0
}
