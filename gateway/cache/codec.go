package cache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// An entry of the second level is, all numbers as varints and all text behind
// its length:
//
//	"vc" version checksum kind | scope host principal request |
//	names                                                             kindVary
//	status age lifetime refresh grace mayBeStale keep selectors fields body   kindVariant
//
// The checksum is of all behind it. It finds damage, not malice. The key is
// there to be compared, so that an entry never answers for another.
const (
	entryMagic   = "vc"
	entryVersion = 1
	kindVary     = 1 // what answers vary on, beside what their rule says
	kindVariant  = 2
	headBytes    = len(entryMagic) + 1 + crc32.Size
)

// The bounds of what is read from an entry, beside that of its own length.
const (
	mostParts    = 1 << 10
	mostEntryAge = 10 * 365 * 24 * time.Hour
)

var (
	errCorrupt = errors.New("cache: an entry is damaged or of another version")
	errForeign = errors.New("cache: an entry is of another key")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entry is what is stored in the second level under one key.
type entry struct {
	vary    []string // of kindVary
	variant *variant // of kindVariant
}

// encodeVariant writes an answer as it is now, in its plain encoding, and
// returns for how long it may be of use.
func encodeVariant(v *variant, k key, now time.Time) (encoded []byte, keep time.Duration) {
	age := v.Age(now)
	keep = v.Left(now)
	e := newEntryEncoder(kindVariant, k, int(v.weight))
	e.number(uint64(v.status))
	for _, d := range []time.Duration{age, v.Lifetime, v.StaleWhileRevalidate, v.StaleIfError} {
		e.number(uint64(max(d, 0)))
	}
	e.flag(v.MayBeStale)
	e.number(uint64(max(keep, 0)))
	e.number(uint64(len(v.selectors)))
	for _, s := range v.selectors {
		e.text(s.Name)
		e.texts(s.Lines)
	}
	e.number(uint64(len(v.fields)))
	for i := range v.fields {
		e.text(v.fields[i].name)
		e.texts(v.fields[i].values)
	}
	e.number(uint64(len(v.body)))
	e.b = append(e.b, v.body...)
	return e.finish(), keep
}

// encodeVary writes what the answers under a key vary on.
func encodeVary(names []string, k key) []byte {
	e := newEntryEncoder(kindVary, k, 0)
	e.texts(names)
	return e.finish()
}

// decodeEntry reads an entry that is removed after left. The variant, of the
// given stamps, shares the memory of its body with b. Errors are errCorrupt and
// errForeign.
func decodeEntry(b []byte, k key, left time.Duration, stamps []stamp, now time.Time) (entry, error) {
	if len(b) <= headBytes || string(b[:len(entryMagic)]) != entryMagic || b[len(entryMagic)] != entryVersion ||
		binary.BigEndian.Uint32(b[headBytes-crc32.Size:]) != crc32.Checksum(b[headBytes:], castagnoli) {
		return entry{}, errCorrupt
	}
	d := &decoder{b: b[headBytes+1:]}
	for _, part := range k.parts() {
		if d.text() != part && !d.failed {
			return entry{}, errForeign
		}
	}
	var found entry
	switch b[headBytes] {
	case kindVary:
		found.vary = d.texts()
	case kindVariant:
		found.variant = d.variant(k, left, stamps, now)
	default:
		d.failed = true
	}
	if d.failed || len(d.b) > 0 {
		return entry{}, errCorrupt
	}
	return found, nil
}

func (k key) parts() []string { return []string{k.scope, k.host, k.principal, k.request} }

// entryEncoder appends to b.
type entryEncoder struct{ b []byte }

func newEntryEncoder(kind byte, k key, size int) *entryEncoder {
	e := &entryEncoder{b: make([]byte, headBytes, headBytes+256+size)}
	copy(e.b, entryMagic)
	e.b[len(entryMagic)] = entryVersion
	e.b = append(e.b, kind)
	for _, part := range k.parts() {
		e.text(part)
	}
	return e
}

func (e *entryEncoder) finish() []byte {
	binary.BigEndian.PutUint32(e.b[headBytes-crc32.Size:], crc32.Checksum(e.b[headBytes:], castagnoli))
	return e.b
}

func (e *entryEncoder) number(n uint64) { e.b = binary.AppendUvarint(e.b, n) }

func (e *entryEncoder) text(s string) {
	e.number(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *entryEncoder) texts(list []string) {
	e.number(uint64(len(list)))
	for _, s := range list {
		e.text(s)
	}
}

func (e *entryEncoder) flag(is bool) {
	if is {
		e.number(1)
		return
	}
	e.number(0)
}

// decoder takes from the front of b. Once it has failed it returns zeros.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 || d.failed {
		d.failed = true
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.failed = true
	}
	if d.failed {
		return nil
	}
	part := d.b[:n:n]
	d.b = d.b[n:]
	return part
}

func (d *decoder) text() string { return string(d.bytes()) }

// count reads how many parts follow.
func (d *decoder) count() int {
	n := d.number()
	if n > mostParts {
		d.failed = true
	}
	if d.failed {
		return 0
	}
	return int(n)
}

func (d *decoder) texts() []string {
	var list []string
	for n := d.count(); n > 0 && !d.failed; n-- {
		list = append(list, d.text())
	}
	return list
}

func (d *decoder) duration() time.Duration {
	n := d.number()
	if n > uint64(mostEntryAge) {
		d.failed = true
		return 0
	}
	return time.Duration(n)
}

// variant reads an answer. Its age is what it had when it was stored and how
// long that is ago by the clock of the second level: those of the processes may
// differ.
func (d *decoder) variant(k key, left time.Duration, stamps []stamp, now time.Time) *variant {
	v := &variant{stamps: stamps, status: d.count(), live: new(live)}
	age := d.duration()
	v.Lifetime, v.StaleWhileRevalidate, v.StaleIfError = d.duration(), d.duration(), d.duration()
	v.MayBeStale = d.number() == 1
	keep := d.duration()
	v.Born = now.Add(-age - max(keep-left, 0))
	for n := d.count(); n > 0 && !d.failed; n-- {
		v.selectors = append(v.selectors, rfc9111.Selector{Name: d.text(), Lines: d.texts()})
	}
	for n := d.count(); n > 0 && !d.failed; n-- {
		v.addField(http.CanonicalHeaderKey(d.text()), d.texts())
	}
	v.body = d.bytes()
	if v.status != http.StatusOK && !rfc9111.IsNegative(v.status) || v.declared() != int64(len(v.body)) {
		d.failed = true
	}
	v.weight = v.weigh(k)
	return v
}

// addField adds what may be stored, in the order of storedFields.
func (v *variant) addField(name string, values []string) {
	if !rfc9111.IsStored(name) || len(values) == 0 {
		return
	}
	switch name {
	case "Etag":
		v.etag = values[0]
	case "Last-Modified":
		v.modified, _ = http.ParseTime(values[0])
	}
	v.fields = append(v.fields, newField(name, values))
}

// declared returns Content-Length, or -1.
func (v *variant) declared() int64 {
	for i := range v.fields {
		if v.fields[i].name == "Content-Length" {
			return rfc9111.ContentLength(http.Header{"Content-Length": v.fields[i].values})
		}
	}
	return -1
}
