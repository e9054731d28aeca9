package wirejson

import "google.golang.org/protobuf/encoding/protowire"

// parsed is a scanned message: regular records and the bytes they point into.
// depth is how many levels of messages may still nest inside.
type parsed struct {
	*message
	records []record
	wire    []byte
	depth   int
}

// maxGroups bounds nested groups: the end of a group is found by walking
// through it, so each level of nesting reads the innermost bytes once more.
const maxGroups = 16

// message appends the JSON of a message in b. depth counts this level too.
func (s *state) message(dst []byte, m *message, b []byte, depth int) ([]byte, error) {
	if depth <= 0 {
		return dst, m.fail(errDepth)
	}
	base := len(s.records)
	records, ok, err := s.parse(m, b)
	if err != nil {
		return dst, err
	}
	if !ok {
		s.records = s.records[:base]
		return s.byStock(dst, m, depth, b)
	}
	if err := m.initialized(records); err != nil {
		return dst, err
	}
	dst, err = s.write(dst, &parsed{m, records, b, depth - 1})
	s.records = s.records[:base]
	return dst, err
}

// parse pushes and returns the regular records of a message. It reports false
// where only the stock codec gets them right.
func (s *state) parse(m *message, b []byte) (records []record, ok bool, err error) {
	base := len(s.records)
	found, err := s.scan(m, b)
	if err != nil || found == foreign || s.groups > maxGroups {
		return nil, false, err
	}
	records = s.records[base:]
	if found == irregular {
		return m.settle(records, b)
	}
	return records, true, nil
}

// write appends a message in the form that its type has in JSON.
func (s *state) write(dst []byte, p *parsed) ([]byte, error) {
	switch p.special {
	case specialNone:
		return s.object(dst, p)
	case specialTimestamp:
		return p.appendTimestamp(dst)
	case specialDuration:
		return p.appendDuration(dst)
	case specialFieldMask:
		return p.appendFieldMask(dst)
	case specialAny:
		return s.any(dst, p)
	case specialValue:
		return s.value(dst, p)
	default: // wrappers, Struct, ListValue: the value of their only field
		return s.only(dst, p)
	}
}

// object appends {"name":value,...}. Names come with a comma in front; the
// first comma then turns into the brace.
func (s *state) object(dst []byte, p *parsed) (_ []byte, err error) {
	start, next := len(dst), 0
	for i := 0; i < len(p.records); {
		index := int(p.records[i].index)
		f := &p.fields[index]
		if p.absent {
			dst = p.appendAbsent(dst, next, index)
			next = index + 1
		}
		end := p.run(i)
		if dst, err = s.member(dst, f, p, p.records[i:end]); err != nil {
			return dst, err
		}
		i = end
	}
	if p.absent {
		dst = p.appendAbsent(dst, next, len(p.fields))
	}
	if len(dst) == start {
		return append(dst, "{}"...), nil
	}
	dst[start] = '{'
	return append(dst, '}'), nil
}

// run returns where the records of the field of record i end.
func (p *parsed) run(i int) int {
	index := p.records[i].index
	for i++; i < len(p.records) && p.records[i].index == index; i++ {
	}
	return i
}

func (m *message) appendAbsent(dst []byte, from, to int) []byte {
	for i := from; i < to; i++ {
		dst = append(dst, m.fields[i].absent...)
	}
	return dst
}

// member appends a field with its name, or what stands for an empty one.
func (s *state) member(dst []byte, f *field, p *parsed, records []record) (_ []byte, err error) {
	if f.implicit && records[0].bits == 0 {
		return append(dst, f.absent...), nil
	}
	start := len(dst)
	dst = append(dst, f.key...)
	before := len(dst)
	if dst, err = s.field(dst, f, p, records); err != nil {
		return dst, err
	}
	if f.cardinality == list && len(dst) == before+len("[]") {
		return append(dst[:start], f.absent...), nil
	}
	return dst, nil
}

// field appends a field's value, given all its records.
func (s *state) field(dst []byte, f *field, p *parsed, records []record) ([]byte, error) {
	switch f.cardinality {
	case list:
		return s.list(dst, f, p, records)
	case mapping:
		return s.mapping(dst, f, p, records)
	default:
		if len(records) > 1 {
			return s.merged(dst, f, p, records)
		}
		return s.singular(dst, f, records[0], p.wire, p.depth)
	}
}

// merged appends a message that came in pieces.
func (s *state) merged(dst []byte, f *field, p *parsed, records []record) ([]byte, error) {
	pieces := make([][]byte, len(records))
	for i, r := range records {
		pieces[i] = r.bytes(p.wire)
	}
	return s.byStock(dst, f.message, p.depth, pieces...)
}

// singular appends one value that is not packed.
func (s *state) singular(dst []byte, f *field, r record, b []byte, depth int) (_ []byte, err error) {
	switch f.kind {
	case kindString:
		dst, ok := appendString(dst, r.bytes(b))
		if !ok {
			return dst, f.fail(errUTF8)
		}
		return dst, nil
	case kindBytes:
		return appendBase64(dst, r.bytes(b)), nil
	case kindMessage:
		if !f.isGroup() {
			return s.message(dst, f.message, r.bytes(b), depth)
		}
		s.groups++
		dst, err = s.message(dst, f.message, r.bytes(b), depth)
		s.groups--
		return dst, err
	default:
		return appendNumber(dst, f, r.bits), nil
	}
}

// list appends [value,...] from records that may be packed and may not.
func (s *state) list(dst []byte, f *field, p *parsed, records []record) (_ []byte, err error) {
	start := len(dst)
	for _, r := range records {
		if r.packed {
			dst, err = f.appendPacked(dst, r.bytes(p.wire))
		} else {
			dst, err = s.singular(append(dst, ','), f, r, p.wire, p.depth)
		}
		if err != nil {
			return dst, err
		}
	}
	if len(dst) == start {
		return append(dst, "[]"...), nil
	}
	dst[start] = '['
	return append(dst, ']'), nil
}

func (f *field) isGroup() bool { return f.wire == protowire.StartGroupType }

func (f *field) appendPacked(dst, b []byte) ([]byte, error) {
	for len(b) > 0 {
		bits, n := number(b, f.wire, f.mask)
		if n < 0 {
			return dst, f.fail(errWire)
		}
		dst = appendNumber(append(dst, ','), f, bits)
		b = b[n:]
	}
	return dst, nil
}
