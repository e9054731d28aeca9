package wirejson

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// record is a known field on the wire: a tag and what follows it.
type record struct {
	bits   uint64 // the number, or the length of the bytes
	start  uint32 // where the value starts in its message
	index  uint16 // the field
	packed bool   // the bytes are a list's elements, back to back
}

func (r record) bytes(b []byte) []byte {
	return b[r.start:][:r.bits:r.bits]
}

// shape is what a scan found out about a message.
type shape uint8

const (
	// regular: sorted by field, at most one record of a singular field or oneof.
	regular shape = iota
	// irregular: settle has to make it regular.
	irregular
	// foreign: only the stock codec can write it.
	foreign
)

var (
	errWire     = errors.New("invalid wire format")
	errDepth    = errors.New("nested too deeply")
	errUTF8     = errors.New("invalid UTF-8")
	errRequired = errors.New("required field not set")
)

func (m *message) fail(err error) error { return fmt.Errorf("wirejson: %s: %w", m.name, err) }

func (f *field) fail(err error) error { return fmt.Errorf("wirejson: %s: %w", f.name, err) }

// scan pushes a record for each known field of b, in the order received.
// Unknown fields, and known ones of another wire type, are checked and skipped.
func (s *state) scan(m *message, b []byte) (shape, error) {
	records, found, last := s.records, regular, -1
	for i := 0; i < len(b); {
		tag, n := varint(b[i:])
		if n < 0 || tag < 1<<3 || tag > uint64(protowire.MaxValidNumber)<<3|7 {
			return found, m.fail(errWire)
		}
		i += n
		index := m.find(tag >> 3)
		if index < 0 || m.fields[index].accepts>>(tag&7)&1 == 0 {
			n, known, err := s.skip(m, index, tag, b[i:])
			if known || err != nil {
				return foreign, err
			}
			i += n
			continue
		}
		r, n := m.fields[index].read(tag, b[i:])
		if n < 0 {
			return found, m.fail(errWire)
		}
		r.start += uint32(i)
		r.index = uint16(index)
		records = append(records, r)
		found |= m.order(last, index)
		last = index
		i += n
	}
	s.records = records
	return found, nil
}

// find returns the index of the field with a number, or -1.
func (m *message) find(num uint64) int {
	if num < uint64(len(m.dense)) {
		return int(m.dense[num]) - 1
	}
	return int(m.sparse[protowire.Number(num)]) - 1
}

// order is regular if a record of field index may stand after one of field last.
func (m *message) order(last, index int) shape {
	f := &m.fields[index]
	switch {
	case index < last, index == last && f.cardinality == singular:
		return irregular
	case f.oneof != 0 && index > last && last >= 0 && m.fields[last].oneof == f.oneof:
		return irregular
	default:
		return regular
	}
}

// skip returns the length of a field that the table does not know. It reports
// an extension that the resolver knows instead.
func (s *state) skip(m *message, index int, tag uint64, b []byte) (n int, known bool, err error) {
	num := protowire.Number(tag >> 3)
	if index < 0 && m.extensions != nil && m.extensions.Has(num) {
		_, err := s.stock.marshal.Resolver.FindExtensionByNumber(m.name, num)
		if err == nil {
			return 0, true, nil
		}
		if !errors.Is(err, protoregistry.NotFound) {
			return 0, false, m.fail(err)
		}
	}
	if n = protowire.ConsumeFieldValue(num, protowire.Type(tag&7), b); n < 0 {
		return 0, false, m.fail(errWire)
	}
	return n, false, nil
}

// read takes one value of an accepted wire type off b. The record's start is
// relative to b; a negative n says that b is not valid.
func (f *field) read(tag uint64, b []byte) (r record, n int) {
	switch typ := protowire.Type(tag & 7); typ {
	case protowire.VarintType, protowire.Fixed32Type, protowire.Fixed64Type:
		r.bits, n = number(b, typ, f.mask)
	case protowire.BytesType:
		size, head := varint(b)
		if head < 0 || size > uint64(len(b)-head) {
			return r, -1
		}
		r = record{bits: size, start: uint32(head), packed: f.wire != protowire.BytesType}
		n = head + int(size)
	default:
		var content []byte
		content, n = protowire.ConsumeGroup(protowire.Number(tag>>3), b)
		r.bits = uint64(len(content))
	}
	return r, n
}

// varint reads a varint, most of which are one byte long.
func varint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return protowire.ConsumeVarint(b)
}

// number reads a value that is one word on the wire.
func number(b []byte, wire protowire.Type, mask uint64) (bits uint64, n int) {
	switch {
	case wire == protowire.VarintType:
		v, n := varint(b)
		return v & mask, n
	case wire == protowire.Fixed32Type && len(b) >= 4:
		return uint64(binary.LittleEndian.Uint32(b)), 4
	case wire == protowire.Fixed64Type && len(b) >= 8:
		return binary.LittleEndian.Uint64(b), 8
	default:
		return 0, -1
	}
}
