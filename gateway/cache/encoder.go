package cache

import "net/http"

// Encoder compresses stored responses, once for all hits that want it. A
// compression middleware stands outside of the cache and has the rules; the
// cache sends what it would send, and it passes on what has a Content-Encoding.
// The methods are called concurrently.
type Encoder interface {
	// Choose returns the content coding that the response to a request with an
	// Accept-Encoding field is to have, by what the client accepts and by whether
	// the request's credentials forbid to compress. "" is the plain response.
	Choose(r *http.Request) string
	// Fit reports whether a response with this header, which has a Content-Type,
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
