package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
)

// What the parts of an entry weigh beside their bytes, from the sizes of the
// types and of what the store keeps for each of them.
const (
	resourceBytes = 320
	variantBytes  = 256
	fieldBytes    = 96
	stringBytes   = 16
)

// resource is all that is stored under one key, newest first. It is immutable.
type resource struct {
	variants []*variant
	weight   uint32
}

// variant is one stored answer. It is immutable.
type variant struct {
	selectors []selector
	stamps    []stamp
	fields    []field
	body      []byte
	etag      string
	modified  time.Time // zero: not said
	born      time.Time // when its age was zero
	lifetime  time.Duration
	grace     time.Duration // how long after that it may stand in for a failure
	weight    int64
}

// with returns the resource with v added. Of the others, those that keep holds
// for and that v does not replace stay, up to limit in all.
func (r *resource) with(v *variant, limit int, keep func(*variant) bool) *resource {
	added := &resource{variants: []*variant{v}}
	weight := v.weight
	if r != nil {
		for _, other := range r.variants {
			if len(added.variants) < limit && keep(other) && !sameSelectors(other.selectors, v.selectors) {
				added.variants = append(added.variants, other)
				weight += other.weight
			}
		}
	}
	added.weight = uint32(weight)
	return added
}

// newVariant makes an answer storable: header becomes complete, with ETag,
// Content-Length and Vary, and is copied, as is body.
func newVariant(header http.Header, body []byte, p plan, k key, stamps []stamp) *variant {
	if header.Get("Etag") == "" {
		header["Etag"] = []string{entityTag(body)}
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	v := &variant{
		selectors: p.selectors,
		stamps:    stamps,
		fields:    storedFields(header),
		body:      bytes.Clone(body),
		etag:      header.Get("Etag"),
		born:      p.born,
		lifetime:  p.lifetime,
		grace:     p.grace,
	}
	v.modified, _ = http.ParseTime(header.Get("Last-Modified"))
	v.weight = v.weigh(k)
	return v
}

func (v *variant) weigh(k key) int64 {
	weight := resourceBytes + variantBytes + k.bytes() + int64(len(v.body)) + int64(len(v.stamps))*stampBytes
	for i := range v.fields {
		weight += fieldBytes + int64(len(v.fields[i].name)) + v.fields[i].storedBytes
	}
	for _, s := range v.selectors {
		weight += fieldBytes
		for _, line := range s.lines {
			weight += int64(len(line)) + stringBytes
		}
	}
	return weight
}

// entityTag is strong: equal tags mean equal bytes.
func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

func (v *variant) age(now time.Time) time.Duration {
	return max(now.Sub(v.born), 0)
}

func (v *variant) fresh(now time.Time) bool {
	return v.age(now) < v.lifetime
}

// allowedBy reports whether the request's directives admit an answer of this
// age (RFC 9111, section 5.2.1).
func (v *variant) allowedBy(d directives, now time.Time) bool {
	age := v.age(now)
	return !d.noCache &&
		(d.maxAge == absent || age <= d.maxAge) &&
		(d.minFresh == absent || v.lifetime-age >= d.minFresh)
}

// serve answers from the store. status is the Cache-Status, to which hits add
// the time left.
func (v *variant) serve(w http.ResponseWriter, r *http.Request, status string, hit bool, now time.Time) {
	header := w.Header()
	unchanged := notModified(r, v.etag, v.modified)
	for i := range v.fields {
		if !unchanged || !v.fields[i].aboutBody {
			v.fields[i].setIn(header)
		}
	}
	v.setStatus(header, status, hit, now)
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(v.body) // the client has gone, if anything
	}
}

// setStatus sets Age and Cache-Status with one string and one slice for both.
func (v *variant) setStatus(h http.Header, status string, hit bool, now time.Time) {
	var buffer [96]byte
	age := int64(v.age(now) / time.Second)
	b := strconv.AppendInt(buffer[:0], age, 10)
	digits := len(b)
	b = append(b, status...)
	if hit {
		b = append(b, "; ttl="...)
		b = strconv.AppendInt(b, int64(v.lifetime/time.Second)-age, 10)
	}
	text := string(b)
	values := []string{text[:digits], text[digits:]}
	h["Age"] = values[0:1:1]
	setField(h, cacheStatus, values[1:2], true)
}
