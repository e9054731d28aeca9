package wirejson

import "unicode/utf8"

// check fails where proto.Unmarshal fails on a message of which nothing is
// written. With complete set, required fields must be there.
func (s *state) check(m *message, b []byte, depth int, complete bool) error {
	if depth <= 0 {
		return m.fail(errDepth)
	}
	base := len(s.records)
	found, err := s.scan(m, b)
	if err != nil {
		return err
	}
	if found == foreign || s.groups > maxGroups || complete && found == irregular {
		s.records = s.records[:base]
		return s.stock.check(m, b, depth, complete)
	}
	records := s.records[base:]
	if complete {
		err = m.initialized(records)
	}
	for i := 0; i < len(records) && err == nil; i++ {
		err = s.checkField(&m.fields[records[i].index], records[i], b, depth-1, complete)
	}
	s.records = s.records[:base]
	return err
}

func (s *state) checkField(f *field, r record, b []byte, depth int, complete bool) error {
	switch {
	case r.packed:
		return f.checkPacked(r.bytes(b))
	case f.kind == kindMessage:
		return s.checkMessage(f, r.bytes(b), depth, complete)
	case f.utf8 && !utf8.Valid(r.bytes(b)):
		return f.fail(errUTF8)
	default:
		return nil
	}
}

func (s *state) checkMessage(f *field, b []byte, depth int, complete bool) error {
	if !f.isGroup() {
		return s.check(f.message, b, depth, complete)
	}
	s.groups++
	err := s.check(f.message, b, depth, complete)
	s.groups--
	return err
}

func (f *field) checkPacked(b []byte) error {
	for len(b) > 0 {
		_, n := number(b, f.wire, f.mask)
		if n < 0 {
			return f.fail(errWire)
		}
		b = b[n:]
	}
	return nil
}
