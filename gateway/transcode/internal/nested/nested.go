// Package nested bounds what a google.protobuf.Any may have a JSON encoder do. What is
// in it is opaque bytes until its type is known: each is decoded for itself, with what
// is in it copied once more, so that work and memory are a square of the nesting. Half
// a megabyte nested as deep as it can be is gigabytes.
//
// It follows the wire's structure and decodes nothing; a message without Any costs it
// nothing, and others at most one pass.
package nested

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// ErrTooCostly tells that a message has too much in Any within Any.
var ErrTooCostly = errors.New("too much of the message is nested in google.protobuf.Any within each other")

const (
	// free is what Any may hold together, beside share times the message: what is
	// nested in a few others is always within it.
	free, share = 16 << 20, 4
	// harmless is the size of messages that cannot cost more than free: a level of
	// nesting takes at least 24 bytes, 20 of which name the type.
	harmless = 16 << 10

	anyName = "google.protobuf.Any"
	typeURL = 1 // the fields of Any
	value   = 2
)

// Resolver finds the types of what stands in Any, and extensions.
type Resolver interface {
	protoregistry.MessageTypeResolver
	protoregistry.ExtensionTypeResolver
}

// Budget is what one message may cost. Whoever encodes it in parts asks one budget
// for all of them.
type Budget struct {
	resolver Resolver
	left     int64
	free     bool // the message is too small to cost anything
}

// Of returns the budget of a message of a size.
func Of(size int, resolver Resolver) Budget {
	return Budget{resolver: resolver, left: free + share*int64(size), free: size < harmless}
}

// Wire takes from the budget what the JSON of a message's wire bytes costs. What is
// not valid is left for the decoder to find.
func (b *Budget) Wire(md protoreflect.MessageDescriptor, wire []byte) error {
	if b.free {
		return nil
	}
	return b.wire(md, wire, protowire.DefaultRecursionLimit)
}

func (b *Budget) wire(md protoreflect.MessageDescriptor, wire []byte, depth int) error {
	if depth == 0 {
		return nil // nobody decodes it
	}
	if md.FullName() == anyName {
		return b.opaque(wire)
	}
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return nil
		}
		within, all, err := b.field(number, kind, wire[n:])
		if err != nil || all < 0 {
			return err
		}
		wire = wire[n+all:]
		if len(within) == 0 {
			continue
		}
		if inner := b.typeOf(md, number); inner != nil {
			if err := b.wire(inner, within, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// field returns what may be a message in a field's value, and how long the value is;
// negative: it is not valid. The end of a group is found by reading it, which its
// levels cost, too.
func (b *Budget) field(number protowire.Number, kind protowire.Type, wire []byte) (within []byte, n int, err error) {
	switch kind {
	case protowire.BytesType:
		within, n = protowire.ConsumeBytes(wire)
	case protowire.StartGroupType:
		within, n = protowire.ConsumeGroup(number, wire)
		err = b.take(len(within))
	default:
		n = protowire.ConsumeFieldValue(number, kind, wire)
	}
	return within, n, err
}

// typeOf returns the type of a field of messages, nil for others.
func (b *Budget) typeOf(md protoreflect.MessageDescriptor, number protowire.Number) protoreflect.MessageDescriptor {
	if fd := md.Fields().ByNumber(number); fd != nil {
		return fd.Message()
	}
	if !md.ExtensionRanges().Has(number) {
		return nil
	}
	extension, err := b.resolver.FindExtensionByNumber(md.FullName(), number)
	if err != nil {
		return nil
	}
	return extension.TypeDescriptor().Message()
}

// opaque takes what an Any costs.
func (b *Budget) opaque(wire []byte) error {
	var url, held []byte
	for len(wire) > 0 {
		number, kind, n := protowire.ConsumeTag(wire)
		if n < 0 {
			return nil
		}
		all := protowire.ConsumeFieldValue(number, kind, wire[n:])
		if all < 0 {
			return nil
		}
		if kind == protowire.BytesType && (number == typeURL || number == value) {
			text, _ := protowire.ConsumeBytes(wire[n:])
			if number == typeURL {
				url = text
			} else {
				held = text
			}
		}
		wire = wire[n+all:]
	}
	return b.held(string(url), held)
}

func (b *Budget) held(url string, wire []byte) error {
	if err := b.take(len(wire)); err != nil {
		return err
	}
	held, err := b.resolver.FindMessageByURL(url)
	if err != nil {
		return nil //nolint:nilerr // the encoder says it
	}
	return b.wire(held.Descriptor(), wire, protowire.DefaultRecursionLimit)
}

func (b *Budget) take(n int) error {
	if b.left -= int64(n); b.left < 0 {
		return ErrTooCostly
	}
	return nil
}

// Message takes what the JSON of a message costs.
func (b *Budget) Message(m protoreflect.Message) (err error) {
	if b.free {
		return nil
	}
	fields := m.Descriptor().Fields()
	if m.Descriptor().FullName() == anyName {
		return b.held(m.Get(fields.ByNumber(typeURL)).String(), m.Get(fields.ByNumber(value)).Bytes())
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		err = b.populated(fd, v)
		return err == nil
	})
	return err
}

func (b *Budget) populated(fd protoreflect.FieldDescriptor, v protoreflect.Value) (err error) {
	switch {
	case fd.IsMap():
		if fd.MapValue().Message() == nil {
			return nil
		}
		v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
			err = b.Message(v.Message())
			return err == nil
		})
	case fd.Message() == nil:
	case fd.IsList():
		for i := 0; i < v.List().Len() && err == nil; i++ {
			err = b.Message(v.List().Get(i).Message())
		}
	default:
		err = b.Message(v.Message())
	}
	return err
}

// Check returns [ErrTooCostly] for a message whose JSON costs too much.
func Check(m proto.Message, resolver Resolver) error {
	b := Of(proto.Size(m), resolver)
	return b.Message(m.ProtoReflect())
}

// Possible reports whether an Any may stand in messages of a type: in one of its
// fields, or in an extension.
func Possible(md protoreflect.MessageDescriptor) bool {
	return possible(md, map[protoreflect.FullName]bool{})
}

func possible(md protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if md == nil || seen[md.FullName()] {
		return false
	}
	seen[md.FullName()] = true
	if md.FullName() == anyName || md.ExtensionRanges().Len() > 0 {
		return true
	}
	for i := range md.Fields().Len() {
		if possible(md.Fields().Get(i).Message(), seen) {
			return true
		}
	}
	return false
}
