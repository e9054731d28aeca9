package wirejson

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// special is a type whose JSON is not an object of its fields.
type special uint8

const (
	specialNone special = iota
	specialOnly         // wrappers, Struct and ListValue: the value of the only field
	specialTimestamp
	specialDuration
	specialFieldMask
	specialAny
	specialValue
)

// wellKnown is a well-known type: how it is written, and its fields, numbered
// from 1 in the order of declaration.
type wellKnown struct {
	special special
	fields  []protoreflect.Kind
}

var wellKnownTypes = map[protoreflect.FullName]wellKnown{
	"google.protobuf.Any":         {specialAny, []protoreflect.Kind{protoreflect.StringKind, protoreflect.BytesKind}},
	"google.protobuf.Timestamp":   {specialTimestamp, []protoreflect.Kind{protoreflect.Int64Kind, protoreflect.Int32Kind}},
	"google.protobuf.Duration":    {specialDuration, []protoreflect.Kind{protoreflect.Int64Kind, protoreflect.Int32Kind}},
	"google.protobuf.BoolValue":   {specialOnly, []protoreflect.Kind{protoreflect.BoolKind}},
	"google.protobuf.Int32Value":  {specialOnly, []protoreflect.Kind{protoreflect.Int32Kind}},
	"google.protobuf.Int64Value":  {specialOnly, []protoreflect.Kind{protoreflect.Int64Kind}},
	"google.protobuf.UInt32Value": {specialOnly, []protoreflect.Kind{protoreflect.Uint32Kind}},
	"google.protobuf.UInt64Value": {specialOnly, []protoreflect.Kind{protoreflect.Uint64Kind}},
	"google.protobuf.FloatValue":  {specialOnly, []protoreflect.Kind{protoreflect.FloatKind}},
	"google.protobuf.DoubleValue": {specialOnly, []protoreflect.Kind{protoreflect.DoubleKind}},
	"google.protobuf.StringValue": {specialOnly, []protoreflect.Kind{protoreflect.StringKind}},
	"google.protobuf.BytesValue":  {specialOnly, []protoreflect.Kind{protoreflect.BytesKind}},
	"google.protobuf.Struct":      {specialOnly, []protoreflect.Kind{protoreflect.MessageKind}},
	"google.protobuf.ListValue":   {specialOnly, []protoreflect.Kind{protoreflect.MessageKind}},
	"google.protobuf.FieldMask":   {specialFieldMask, []protoreflect.Kind{protoreflect.StringKind}},
	"google.protobuf.Value": {specialValue, []protoreflect.Kind{
		protoreflect.EnumKind, protoreflect.DoubleKind, protoreflect.StringKind,
		protoreflect.BoolKind, protoreflect.MessageKind, protoreflect.MessageKind,
	}},
}

// The field of google.protobuf.Value that must be a finite number.
const valueNumber = 1

var (
	errNoKind    = errors.New("no member of kind is set")
	errNotFinite = errors.New("not a finite number")
)

// setSpecial recognizes a type that has a JSON form of its own.
func (m *message) setSpecial(md protoreflect.MessageDescriptor) error {
	known, ok := wellKnownTypes[m.name]
	if !ok {
		return nil
	}
	fds := md.Fields()
	for i, kind := range known.fields {
		if fds.Len() <= i || fds.Get(i).Kind() != kind || int(fds.Get(i).Number()) != i+1 {
			return fmt.Errorf("wirejson: %s: not the well-known type of that name", m.name)
		}
	}
	m.special = known.special
	return nil
}

// number returns the bits of a numeric field, zero when it is not set.
func (p *parsed) number(index int) uint64 {
	for _, r := range p.records {
		if int(r.index) == index {
			return r.bits
		}
	}
	return 0
}

// only appends the value of the first field, set or not.
func (s *state) only(dst []byte, p *parsed) ([]byte, error) {
	f := &p.fields[0]
	switch {
	case len(p.records) > 0:
		return s.field(dst, f, p, p.records)
	case f.cardinality == list:
		return append(dst, "[]"...), nil
	case f.cardinality == mapping:
		return append(dst, "{}"...), nil
	default:
		return appendZero(dst, f), nil
	}
}

func (s *state) value(dst []byte, p *parsed) ([]byte, error) {
	if len(p.records) == 0 {
		return dst, p.fail(errNoKind)
	}
	index := p.records[0].index
	if index == valueNumber {
		if n := math.Float64frombits(p.records[0].bits); math.IsNaN(n) || math.IsInf(n, 0) {
			return dst, p.fail(errNotFinite)
		}
	}
	return s.field(dst, &p.fields[index], p, p.records)
}

// any appends a message of a type known only now. Its table would have to be
// compiled per call or kept in a cache that requests fill, so protojson does it.
func (s *state) any(dst []byte, p *parsed) ([]byte, error) {
	return s.byStock(dst, p.message, p.depth+1, p.wire)
}
