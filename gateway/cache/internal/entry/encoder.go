package entry

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
)

// encoder appends to b.
type encoder struct{ b []byte }

func newEncoder(kind byte, k memory.Key, size int) *encoder {
	e := &encoder{b: make([]byte, headBytes, headBytes+256+size)}
	copy(e.b, magic)
	e.b[len(magic)] = version
	e.b = append(e.b, kind)
	for _, part := range k.Parts() {
		e.text(part)
	}
	return e
}

func (e *encoder) finish() []byte {
	binary.BigEndian.PutUint32(e.b[headBytes-crc32.Size:], crc32.Checksum(e.b[headBytes:], castagnoli))
	return e.b
}

func (e *encoder) number(n uint64) { e.b = binary.AppendUvarint(e.b, n) }

// duration writes one that can be read again.
func (e *encoder) duration(d time.Duration) { e.number(uint64(min(max(d, 0), mostEntryAge))) }

func (e *encoder) text(s string) {
	e.number(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) texts(list []string) {
	e.number(uint64(len(list)))
	for _, s := range list {
		e.text(s)
	}
}

func (e *encoder) flag(is bool) {
	if is {
		e.number(1)
		return
	}
	e.number(0)
}
