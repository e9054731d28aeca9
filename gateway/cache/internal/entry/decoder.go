package entry

import (
	"encoding/binary"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

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

// response reads a response. Its age is what it had when it was stored and how
// long that is ago by the clock of level 2: those of the processes may differ.
func (d *decoder) response(k memory.Key, left time.Duration, stamps []memory.Stamp, now time.Time) *memory.Response {
	terms := memory.Terms{Status: d.count(), Requested: time.UnixMicro(int64(d.number() & math.MaxInt64))}
	age := d.duration()
	terms.Lifetime, terms.StaleWhileRevalidate, terms.StaleIfError = d.duration(), d.duration(), d.duration()
	terms.MayBeStale = d.number() == 1
	terms.Validate = d.number() == 1
	keep := d.duration()
	terms.Born = now.Add(-age - max(keep-left, 0))
	for n := d.count(); n > 0 && !d.failed; n-- {
		terms.Selectors = append(terms.Selectors, rfc9111.Selector{Name: d.text(), Lines: d.texts()})
	}
	r := memory.Restored(d.fields(), d.bytes(), terms, k, stamps)
	if !rfc9111.IsFinal(r.Status) || !isWhole(r) {
		d.failed = true
	}
	return r
}

// isWhole reports whether the body is as long as is declared: only where there can
// be none is nothing declared.
func isWhole(r *memory.Response) bool {
	if r.Status == http.StatusNoContent {
		return len(r.Body) == 0
	}
	return r.Get("Content-Length") == strconv.Itoa(len(r.Body))
}

// fields reads those that may be stored, in the order in which they were.
func (d *decoder) fields() []memory.Field {
	var list []memory.Field
	for n := d.count(); n > 0 && !d.failed; n-- {
		name, values := http.CanonicalHeaderKey(d.text()), d.texts()
		if rfc9111.IsStored(name) && len(values) > 0 {
			list = append(list, memory.NewField(name, values))
		}
	}
	return list
}
