// Package entry is the form in which responses stand in level 2: what a process
// stores there and another reads.
//
// An entry is, all numbers as varints and all text behind its length:
//
//	"vc" version checksum kind | scope host principal request |
//	names                                                             kindVary
//	status requested age lifetime refresh grace mayBeStale validate keep selectors fields body   kindResponse
//
// requested is in microseconds since 1970, by the clock of who has stored it.
// refresh and grace are the windows of stale-while-revalidate and stale-if-error.
// The checksum is of all behind it. It finds damage, not malice. The key is there
// to be compared, so that an entry never serves for another.
package entry

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
)

var (
	// ErrCorrupt says that an entry is damaged, or of another version.
	ErrCorrupt = errors.New("cache: an entry is damaged or of another version")
	// ErrForeign says that an entry is of another key.
	ErrForeign = errors.New("cache: an entry is of another key")
)

// Entry is what is stored in level 2 under one key: either of the two.
type Entry struct {
	// Vary names what the responses under the key vary on, beside what their rule
	// says.
	Vary     []string
	Response *memory.Response
}

// Key returns what stands for a key and the request's fields that select a
// response of it, in this version of entries. Lengths go before parts, so that
// none can run into the next.
func Key(k memory.Key, vary string) [sha256.Size]byte {
	b := []byte{version}
	for _, part := range append(k.Parts(), vary) {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// Encode writes a response as it is now, in its plain encoding, and returns for
// how long it may be of use.
func Encode(r *memory.Response, k memory.Key, now time.Time) (encoded []byte, keep time.Duration) {
	keep = r.Left(now)
	e := newEncoder(kindResponse, k, int(r.Weight()))
	e.number(uint64(r.Status))
	e.number(uint64(max(r.Requested.UnixMicro(), 0)))
	for _, d := range []time.Duration{r.Age(now), r.Lifetime, r.StaleWhileRevalidate, r.StaleIfError} {
		e.duration(d)
	}
	e.flag(r.MayBeStale)
	e.flag(r.Validate)
	e.duration(keep)
	e.number(uint64(len(r.Selectors)))
	for _, s := range r.Selectors {
		e.text(s.Name)
		e.texts(s.Lines)
	}
	e.number(uint64(len(r.Fields)))
	for i := range r.Fields {
		e.text(r.Fields[i].Name)
		e.texts(r.Fields[i].Values)
	}
	e.number(uint64(len(r.Body)))
	e.b = append(e.b, r.Body...)
	return e.finish(), keep
}

// EncodeVary writes what the responses under a key vary on.
func EncodeVary(names []string, k memory.Key) []byte {
	e := newEncoder(kindVary, k, 0)
	e.texts(names)
	return e.finish()
}

// Decode reads an entry that is removed after left. The response, of the given
// stamps, shares the memory of its body with b. Errors are [ErrCorrupt] and
// [ErrForeign].
func Decode(b []byte, k memory.Key, left time.Duration, stamps []memory.Stamp, now time.Time) (Entry, error) {
	if len(b) <= headBytes || string(b[:len(magic)]) != magic || b[len(magic)] != version ||
		binary.BigEndian.Uint32(b[headBytes-crc32.Size:]) != crc32.Checksum(b[headBytes:], castagnoli) {
		return Entry{}, ErrCorrupt
	}
	d := &decoder{b: b[headBytes+1:]}
	for _, part := range k.Parts() {
		if d.text() != part && !d.failed {
			return Entry{}, ErrForeign
		}
	}
	var found Entry
	switch b[headBytes] {
	case kindVary:
		found.Vary = d.texts()
	case kindResponse:
		found.Response = d.response(k, left, stamps, now)
	default:
		d.failed = true
	}
	if d.failed || len(d.b) > 0 {
		return Entry{}, ErrCorrupt
	}
	return found, nil
}
