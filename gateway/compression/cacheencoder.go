package compression

import (
	"bytes"
	"fmt"
	"net/http"
)

// Encoder compresses whole responses by the same rules as the middleware of the
// same options, for a cache that keeps what it sends. It is safe for concurrent use.
type Encoder struct{ compressor *compressor }

// NewEncoder returns an Encoder, or an error that names every option that is wrong.
func NewEncoder(o Options) (*Encoder, error) {
	c, err := newCompressor(o)
	if err != nil {
		return nil, err
	}
	return &Encoder{c}, nil
}

// Choose returns the coding that the middleware would choose, or "" for none.
func (e *Encoder) Choose(r *http.Request) string {
	w := &writer{compressor: e.compressor, preferences: parseAccept(r.Header["Accept-Encoding"])}
	w.coding = w.preferences.choose(e.compressor.options.Codings)
	if w.guard(r); w.coding == identity {
		return ""
	}
	return w.coding.String()
}

// Fit reports whether the middleware would compress such a response.
func (e *Encoder) Fit(header http.Header, bytes int) bool {
	found := canonicalize(header)
	return bytes >= e.compressor.options.MinBytes && found&(notOurs|contentRange) == 0 &&
		!hasDirective(header, "no-transform") && compressible(header.Get("Content-Type"))
}

// Encode returns the body in a coding.
func (e *Encoder) Encode(name string, body []byte) ([]byte, error) {
	coding, known := codingOf(name)
	if !known || coding == identity || coding == others {
		return nil, fmt.Errorf("compression: no coding %q", name)
	}
	var b bytes.Buffer
	encoder, err := e.compressor.getEncoder(coding, &b)
	if err != nil {
		return nil, err
	}
	if _, err = encoder.Write(body); err == nil {
		err = encoder.Close()
	}
	if err != nil {
		return nil, err
	}
	e.compressor.putEncoder(coding, encoder)
	return b.Bytes(), nil
}

// Tag returns the entity tag of the encoded bytes.
func (e *Encoder) Tag(etag, name string) string {
	coding, _ := codingOf(name)
	return encodedTag(etag, coding)
}
