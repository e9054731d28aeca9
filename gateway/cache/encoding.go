package cache

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// Encoder compresses stored answers, once for all hits that want it. A
// compression middleware stands outside of the cache and has the rules; the
// cache sends what it would send, and it passes on what has a Content-Encoding.
// The methods are called concurrently.
type Encoder interface {
	// Choose returns the content coding that the answer to a request with an
	// Accept-Encoding field is to have, by what the client accepts and by whether
	// the request's credentials forbid to compress. "" is the plain answer.
	Choose(r *http.Request) string
	// Fit reports whether an answer with this header, which has a Content-Type,
	// and a body of this many bytes may be compressed, and is worth it. It must
	// not change the header.
	Fit(header http.Header, bytes int) bool
	// Encode returns the body in the coding. The result belongs to the caller;
	// the body must stay as it is.
	Encode(coding string, body []byte) ([]byte, error)
	// Tag returns the entity tag of the encoded bytes for that of the plain ones,
	// or "" where there can be none.
	Tag(etag, coding string) string
}

// encoding is an answer's encoded form, or, without fields, that it has none.
type encoding struct {
	coding string
	representation
}

func (e *encoding) bytes() int64 {
	if e.fields == nil {
		return 0
	}
	bytes := variantBytes/2 + int64(len(e.body))
	for i := range e.fields {
		bytes += fieldBytes + e.fields[i].storedBytes
	}
	return bytes
}

// represent returns what is sent of a variant to this client. header is what is
// set further out.
func (h *handler) represent(header http.Header, r *http.Request, k key, v *variant) representation {
	encoder := h.store.opts.Encoder
	if encoder == nil || v.live == nil || len(v.body) == 0 || len(r.Header[rfc9111.AcceptEncoding]) == 0 ||
		len(header["Set-Cookie"]) > 0 || len(header["Content-Encoding"]) > 0 {
		return v.plain()
	}
	coding := encoder.Choose(r)
	if coding == "" {
		return v.plain()
	}
	if e := v.encodedAs(coding); e != nil {
		return e.or(v)
	}
	return h.encode(r, k, v, coding)
}

func (v *variant) encodedAs(coding string) *encoding {
	for i := range v.encodings {
		if v.encodings[i].coding == coding {
			return &v.encodings[i]
		}
	}
	return nil
}

func (e *encoding) or(v *variant) representation {
	if e.fields == nil {
		return v.plain()
	}
	return e.representation
}

// encode makes and stores what is missing. One request at a time does that for
// a variant, and a few for the store; the others are content with the plain
// answer, which the middleware outside compresses for them.
func (h *handler) encode(r *http.Request, k key, v *variant, coding string) representation {
	if !v.live.encoding.CompareAndSwap(false, true) {
		return v.plain()
	}
	defer v.live.encoding.Store(false)
	select {
	case h.store.encoders <- struct{}{}:
		defer func() { <-h.store.encoders }()
	default:
		return v.plain()
	}
	stored := h.store.stored(k, v)
	if stored == nil {
		return v.plain()
	}
	if e := stored.encodedAs(coding); e != nil { // another request was faster
		return e.or(v)
	}
	e, err := v.encode(h.store.opts.Encoder, coding)
	if err != nil {
		h.event(r, EncodingFailed)
	}
	e = h.store.attach(k, v, e)
	if e.fields != nil {
		h.event(r, Encoded)
	}
	return e.or(v)
}

// encode returns the variant's encoded form. It has none where that would not be
// smaller.
func (v *variant) encode(encoder Encoder, coding string) (encoding, error) {
	none := encoding{coding: coding}
	header := make(http.Header, len(v.fields)+3)
	for i := range v.fields {
		header[v.fields[i].name] = v.fields[i].values
	}
	if _, typed := header["Content-Type"]; !typed { // nobody could tell it from the encoded bytes
		header["Content-Type"] = []string{http.DetectContentType(v.body)}
	}
	if !encoder.Fit(header, len(v.body)) {
		return none, nil
	}
	body, err := encoder.Encode(coding, v.body)
	if err != nil || len(body) >= len(v.body) {
		return none, err
	}
	describe(header, coding, len(body))
	etag := encoder.Tag(v.etag, coding)
	if delete(header, "Etag"); etag != "" {
		header["Etag"] = []string{etag}
	}
	return encoding{coding, representation{storedFields(header), slices.Clip(body), etag}}, nil
}

// describe turns the plain answer's header into that of the encoded one.
func describe(header http.Header, coding string, length int) {
	header["Content-Encoding"] = []string{coding}
	header["Content-Length"] = []string{strconv.Itoa(length)}
	delete(header, "Accept-Ranges") // ranges are of the plain answer
	rfc9111.AddVary(header, []string{rfc9111.AcceptEncoding})
}

// stored returns what is stored now of a variant, or nil.
func (s *Store) stored(k key, v *variant) *variant {
	if resource, ok := s.entries.GetIfPresent(k); ok {
		return resource.copyOf(v)
	}
	return nil
}

// attach stores an encoding beside its variant, or that there is none, which is
// so, too, where both together are more than an entry may have.
func (s *Store) attach(k key, v *variant, e encoding) encoding {
	if v.weight+e.bytes() > s.opts.MaxEntryBytes {
		e = encoding{coding: e.coding}
	}
	s.change(k, v, func(stored *variant) *variant {
		if stored.weight+e.bytes() > s.opts.MaxEntryBytes {
			return stored
		}
		copied := *stored
		copied.encodings = append(slices.Clip(stored.encodings), e)
		copied.weight += e.bytes()
		return &copied
	})
	return e
}
