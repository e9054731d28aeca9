package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// What the parts of an entry weigh beside their bytes, from the sizes of the
// types and of what the store keeps for each of them.
const (
	resourceBytes = 320
	variantBytes  = 448
	fieldBytes    = 96
	stringBytes   = 16
)

// resource is all that is stored under one key, newest first. It is immutable.
type resource struct {
	variants []*variant
	weight   uint32
}

// variant is one stored answer. It is immutable but for what live points to.
type variant struct {
	rfc9111.Freshness
	selectors []rfc9111.Selector
	stamps    []stamp
	status    int // 200, or one that says that there is nothing
	fields    []field
	body      []byte
	etag      string
	modified  time.Time // zero: not said
	public    bool      // the answer says that credentials make no difference
	failure   error     // what the answer is written from; nil: it is sent as it is. It stays in this process.
	encodings []encoding
	live      *live
	weight    int64
}

// live is what changes of a variant. Copies of the variant share it, so that it
// identifies what they are copies of.
type live struct {
	shown    atomic.Pointer[shown]
	encoding atomic.Bool  // one request encodes the body
	retryAt  atomic.Int64 // no refresh before; nanoseconds since 1970
}

// shown holds Age and Cache-Status of a hit, which all hits of one second share.
type shown struct {
	age    int64
	values [2]string
}

// with returns the resource with v added. Of the others, those that keep holds
// for and that v does not replace stay, up to limit in all.
func (r *resource) with(v *variant, limit int, keep func(*variant) bool) *resource {
	added := &resource{variants: []*variant{v}}
	weight := v.weight
	if r != nil {
		for _, other := range r.variants {
			if len(added.variants) < limit && keep(other) && !rfc9111.SameSelectors(other.selectors, v.selectors) {
				added.variants = append(added.variants, other)
				weight += other.weight
			}
		}
	}
	added.weight = uint32(weight)
	return added
}

// exchange returns the resource with one variant replaced, or without it where
// its replacement is nil. It returns nil where nothing remains.
func (r *resource) exchange(old, replacement *variant) *resource {
	changed := &resource{}
	for _, v := range r.variants {
		if v.live == old.live {
			if v = replacement; v == nil {
				continue
			}
		}
		changed.variants = append(changed.variants, v)
		changed.weight += uint32(v.weight)
	}
	if len(changed.variants) == 0 {
		return nil
	}
	return changed
}

// copyOf returns what is stored now of the variant, or nil.
func (r *resource) copyOf(v *variant) *variant {
	for _, other := range r.variants {
		if other.live == v.live {
			return other
		}
	}
	return nil
}

// newVariant makes an answer storable: header becomes complete, with ETag,
// Content-Length and Vary, and is copied, as is body.
func newVariant(header http.Header, body []byte, p plan, k key, stamps []stamp) *variant {
	if header.Get("Etag") == "" && !rfc9111.IsNegative(p.status) {
		header["Etag"] = []string{entityTag(body)}
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	v := &variant{
		Freshness: p.Freshness,
		selectors: p.selectors,
		stamps:    stamps,
		status:    p.status,
		fields:    storedFields(header),
		body:      bytes.Clone(body),
		etag:      header.Get("Etag"),
		public:    p.public,
		live:      new(live),
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
	for i := range v.encodings {
		weight += v.encodings[i].bytes()
	}
	return weight + selectorBytes(v.selectors)
}

// entityTag is strong: equal tags mean equal bytes.
func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}
