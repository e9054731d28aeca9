package wirejson

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
)

// entry is one entry of a map: the record of the whole and those of its parts,
// all pointing into the message that has the map. What the wire left out is zero.
type entry struct {
	whole, key, value record
	split             bool // the value came in pieces
}

// The fields of a map's entry type.
const (
	entryKey = iota
	entryValue
)

// mapping appends {"key":value,...}, sorted by key; of equal keys the last counts.
func (s *state) mapping(dst []byte, f *field, p *parsed, records []record) (_ []byte, err error) {
	base := len(s.entries)
	for _, r := range records {
		e, err := s.entry(f.message, r, p)
		if err != nil {
			return dst, err
		}
		s.entries = append(s.entries, e)
	}
	entries := s.entries[base:]
	key := &f.message.fields[entryKey]
	order := func(x, y entry) int { return key.compare(x.key, y.key, p.wire) }
	if !slices.IsSortedFunc(entries, order) {
		slices.SortStableFunc(entries, order)
	}
	start := len(dst)
	for i, e := range entries {
		if i+1 < len(entries) && order(e, entries[i+1]) == 0 {
			err = s.check(f.message, e.whole.bytes(p.wire), p.depth, false)
		} else {
			dst, err = s.appendEntry(dst, f.message, e, p)
		}
		if err != nil {
			return dst, err
		}
	}
	dst[start] = '{'
	s.entries = s.entries[:base]
	return append(dst, '}'), nil
}

// entry reads one entry of a map.
func (s *state) entry(m *message, r record, p *parsed) (entry, error) {
	e := entry{whole: r}
	if enum := m.fields[entryValue].enum; enum != nil {
		e.value.bits = enum.first
	}
	if p.depth <= 0 {
		return e, m.fail(errDepth)
	}
	base := len(s.records)
	records, _, err := s.parse(m, r.bytes(p.wire))
	for _, part := range records {
		part.start += r.start
		if part.index == entryKey {
			e.key = part
		} else {
			e.split = e.value.index == part.index
			e.value = part
		}
	}
	s.records = s.records[:base]
	return e, err
}

func (s *state) appendEntry(dst []byte, m *message, e entry, p *parsed) ([]byte, error) {
	key, value := &m.fields[entryKey], &m.fields[entryValue]
	dst, ok := key.appendKey(append(dst, ','), e.key, p.wire)
	if !ok {
		return dst, key.fail(errUTF8)
	}
	dst = append(dst, ':')
	if e.split {
		return s.appendSplit(dst, m, e, p)
	}
	return s.singular(dst, value, e.value, p.wire, p.depth-1)
}

// appendSplit appends the value of an entry that has it in pieces.
func (s *state) appendSplit(dst []byte, m *message, e entry, p *parsed) ([]byte, error) {
	b := e.whole.bytes(p.wire)
	records, _, err := s.parse(m, b)
	if err != nil {
		return dst, err
	}
	if records[0].index == entryKey {
		records = records[1:]
	}
	return s.merged(dst, &m.fields[entryValue], &parsed{wire: b, depth: p.depth - 1}, records)
}

// appendKey appends a key as a JSON string, and reports whether it is UTF-8.
func (f *field) appendKey(dst []byte, r record, b []byte) ([]byte, bool) {
	switch f.kind {
	case kindString:
		return appendString(dst, r.bytes(b))
	case kindBool:
		dst = strconv.AppendBool(append(dst, '"'), r.bits != 0)
	case kindUint32, kindUint64:
		dst = strconv.AppendUint(append(dst, '"'), r.bits, 10)
	default:
		dst = strconv.AppendInt(append(dst, '"'), f.kind.signed(r.bits), 10)
	}
	return append(dst, '"'), true
}

// compare orders keys: numbers by value, strings by bytes, false before true.
func (f *field) compare(x, y record, b []byte) int {
	switch f.kind {
	case kindString:
		return bytes.Compare(x.bytes(b), y.bytes(b))
	case kindBool:
		return cmp.Compare(min(x.bits, 1), min(y.bits, 1))
	case kindUint32, kindUint64:
		return cmp.Compare(x.bits, y.bits)
	default:
		return cmp.Compare(f.kind.signed(x.bits), f.kind.signed(y.bits))
	}
}
