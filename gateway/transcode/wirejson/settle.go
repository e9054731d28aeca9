package wirejson

import (
	"cmp"
	"slices"
	"unicode/utf8"
)

// settle sorts records by field and keeps the last one of a singular field. Of
// a singular message it keeps all: they are pieces to merge. It reports false
// where members of a oneof clear each other.
func (m *message) settle(records []record, b []byte) (kept []record, ok bool, err error) {
	sortRecords(records)
	kept = records[:0]
	for _, r := range records {
		if len(kept) == 0 || m.order(int(kept[len(kept)-1].index), int(r.index)) == regular {
			kept = append(kept, r)
			continue
		}
		last := &kept[len(kept)-1]
		f := &m.fields[r.index]
		switch {
		case last.index != r.index:
			return nil, false, nil
		case f.kind == kindMessage:
			kept = append(kept, r)
		case f.utf8 && !utf8.Valid(last.bytes(b)):
			return nil, false, f.fail(errUTF8)
		default:
			*last = r
		}
	}
	return kept, true, nil
}

// position orders records by field, then as received.
func (r *record) position() uint64 { return uint64(r.index)<<32 | uint64(r.start) }

// fewRecords is up to where moving each record to its place beats a real sort:
// most messages have few fields, and nearly all in order.
const fewRecords = 32

func sortRecords(records []record) {
	if len(records) > fewRecords {
		slices.SortFunc(records, func(x, y record) int { return cmp.Compare(x.position(), y.position()) })
		return
	}
	for i := 1; i < len(records); i++ {
		r := records[i]
		j := i
		for ; j > 0 && records[j-1].position() > r.position(); j-- {
			records[j] = records[j-1]
		}
		records[j] = r
	}
}

// initialized fails if a required field has no record.
func (m *message) initialized(records []record) error {
	for _, index := range m.required {
		_, set := slices.BinarySearchFunc(records, index, func(r record, index int) int {
			return cmp.Compare(int(r.index), index)
		})
		if !set {
			return m.fields[index].fail(errRequired)
		}
	}
	return nil
}
