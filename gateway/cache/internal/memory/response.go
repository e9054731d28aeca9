package memory

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

// Response is a stored response. It is immutable but for what live points to.
type Response struct {
	Terms
	Stamps []Stamp // of before the upstream was called
	Representation
	Modified time.Time // zero: not said
	// Failure is the error that the response is written from, anew for each
	// request; nil: it is sent as it is. It stays in this process.
	Failure error

	encodings []Encoding
	live      *live
	weight    int64
}

// Terms say how a response is stored.
type Terms struct {
	rfc9111.Freshness
	Selectors []rfc9111.Selector
	Requested time.Time // when the upstream was called
	Status    int       // of the final response, or one that says that there is nothing
	Public    bool      // the response says that credentials make no difference
	// Validate says that each request needs the origin's word that the response
	// still holds (no-cache).
	Validate bool
}

// live is what changes of a response. Copies of the response share it, so that it
// identifies what they are copies of.
type live struct {
	shown    atomic.Pointer[Shown]
	encoding atomic.Bool  // one request encodes the body
	retryAt  atomic.Int64 // no refresh before; nanoseconds since 1970
	public   atomic.Pointer[[]string]
}

// Shown holds Age and Cache-Status of a hit, which all hits of one second share.
type Shown struct {
	Age    int64 // in seconds
	Values [2]string
}

// NewResponse makes a response storable: header becomes complete, with ETag and
// Content-Length, and is copied, as is body.
func NewResponse(header http.Header, body []byte, terms Terms, k Key, stamps []Stamp) *Response {
	if header.Get("Etag") == "" && terms.Status == http.StatusOK {
		header["Etag"] = []string{entityTag(body)}
	}
	if terms.Status != http.StatusNoContent {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	return Restored(StoredFields(header), bytes.Clone(body), terms, k, stamps)
}

// Restored returns a response of what was stored before. It owns fields and body.
func Restored(fields []Field, body []byte, terms Terms, k Key, stamps []Stamp) *Response {
	r := &Response{
		Terms: terms, Stamps: stamps, Representation: Representation{Fields: fields, Body: body}, live: new(live),
	}
	r.ETag = r.Get("Etag")
	r.Modified, _ = http.ParseTime(r.Get("Last-Modified"))
	r.weight = r.weigh(k)
	return r
}

// entityTag is strong: equal tags mean equal bytes.
func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// UpstreamETag returns the entity tag that the upstream itself has named, or "".
func (r *Response) UpstreamETag() string {
	if r.ETag == entityTag(r.Body) {
		return ""
	}
	return r.ETag
}

// Weight is what the response takes of the store's bytes.
func (r *Response) Weight() int64 { return r.weight }

// Shown returns what hits of this age say, or nil.
func (r *Response) Shown(age int64) *Shown {
	if shown := r.live.shown.Load(); shown != nil && shown.Age == age {
		return shown
	}
	return nil
}

// Show shares what a hit says with those of the same second.
func (r *Response) Show(shown *Shown) { r.live.shown.Store(shown) }

// PublicLifetime is the Cache-Control of a public response that says nothing itself: the
// time that Age counts against. It must not be changed.
func (r *Response) PublicLifetime() []string {
	if known := r.live.public.Load(); known != nil {
		return *known
	}
	values := []string{"public, max-age=" + strconv.FormatInt(int64(r.Lifetime/time.Second), 10)}
	r.live.public.Store(&values)
	return values
}

// RetryAt is the time before which the response is not refreshed.
func (r *Response) RetryAt() time.Time { return time.Unix(0, r.live.retryAt.Load()) }

// SetRetryAt lets the upstream rest until then.
func (r *Response) SetRetryAt(at time.Time) { r.live.retryAt.Store(at.UnixNano()) }

func (r *Response) weigh(k Key) int64 {
	weight := resourceBytes + responseBytes + k.Bytes() + int64(len(r.Body)) + int64(len(r.Stamps))*stampBytes
	for i := range r.Fields {
		weight += fieldBytes + int64(len(r.Fields[i].Name)) + r.Fields[i].weight
	}
	for i := range r.encodings {
		weight += r.encodings[i].bytes()
	}
	return weight + selectorBytes(r.Selectors)
}

// Plain returns the response as it was stored.
func (r *Response) Plain() Representation { return r.Representation }

// Encoded returns the response in a content coding, plain where it has no such
// form. ok is false where nobody has looked for one yet.
func (r *Response) Encoded(coding string) (p Representation, ok bool) {
	for i := range r.encodings {
		if e := &r.encodings[i]; e.Coding == coding {
			return r.Or(e), true
		}
	}
	return Representation{}, false
}

// Or returns the encoded form, or the plain one where there is none.
func (r *Response) Or(e *Encoding) Representation {
	if e.None() {
		return r.Plain()
	}
	return e.Representation
}

// BeginEncoding reports whether the caller may encode the response, which one
// does at a time. It then calls EndEncoding.
func (r *Response) BeginEncoding() bool { return r.live.encoding.CompareAndSwap(false, true) }

// EndEncoding lets others encode the response.
func (r *Response) EndEncoding() { r.live.encoding.Store(false) }
