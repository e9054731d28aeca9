package cache

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// encodings chooses among the encodings of stored responses, and makes those that
// are missing.
type encodings struct{ *route }

// choose returns what is sent of a response to this client. header is what is set
// further out.
func (e encodings) choose(header http.Header, r *http.Request, k memory.Key, v *memory.Response) memory.Representation {
	encoder := e.store.opts.Encoder
	if encoder == nil || len(v.Body) == 0 || len(r.Header[rfc9111.AcceptEncoding]) == 0 ||
		len(header["Set-Cookie"]) > 0 || len(header["Content-Encoding"]) > 0 {
		return v.Plain()
	}
	coding := encoder.Choose(r)
	if coding == "" {
		return v.Plain()
	}
	if p, ok := v.Encoded(coding); ok {
		return p
	}
	return e.add(r, k, v, coding)
}

// add makes and stores what is missing. One request at a time does that for a
// response, and a few for the store; the others are content with the plain
// response, which the middleware outside compresses for them.
func (e encodings) add(r *http.Request, k memory.Key, v *memory.Response, coding string) memory.Representation {
	if !v.BeginEncoding() {
		return v.Plain()
	}
	defer v.EndEncoding()
	select {
	case e.store.encoders <- struct{}{}:
		defer func() { <-e.store.encoders }()
	default:
		return v.Plain()
	}
	stored := e.store.memory.Stored(k, v)
	if stored == nil {
		return v.Plain()
	}
	if p, ok := stored.Encoded(coding); ok { // another request was faster
		return p
	}
	encoded, err := encode(e.store.opts.Encoder, v, coding)
	if err != nil {
		e.event(r, EncodingFailed)
	}
	encoded = e.store.memory.Attach(k, v, encoded)
	if !encoded.None() {
		e.event(r, Encoded)
	}
	return v.Or(&encoded)
}

// encode returns a response's encoded form. It has none where that would not be
// smaller.
func encode(encoder Encoder, v *memory.Response, coding string) (memory.Encoding, error) {
	none := memory.Encoding{Coding: coding}
	header := v.Header()
	if len(header["Content-Encoding"]) > 0 { // the origin's own
		return none, nil
	}
	if _, typed := header["Content-Type"]; !typed { // nobody could tell it from the encoded bytes
		header["Content-Type"] = []string{http.DetectContentType(v.Body)}
	}
	if !encoder.Fit(header, len(v.Body)) {
		return none, nil
	}
	body, err := encoder.Encode(coding, v.Body)
	if err != nil || len(body) >= len(v.Body) {
		return none, err
	}
	describe(header, coding, len(body))
	etag := encoder.Tag(v.ETag, coding)
	if delete(header, "Etag"); etag != "" {
		header["Etag"] = []string{etag}
	}
	return memory.Encoding{Coding: coding, Representation: memory.Representation{
		Fields: memory.StoredFields(header), Body: slices.Clip(body), ETag: etag,
	}}, nil
}

// describe turns the plain response's header into that of the encoded one.
func describe(header http.Header, coding string, length int) {
	header["Content-Encoding"] = []string{coding}
	header["Content-Length"] = []string{strconv.Itoa(length)}
	delete(header, "Accept-Ranges") // ranges are of the plain response
	rfc9111.AddVary(header, []string{rfc9111.AcceptEncoding})
}
