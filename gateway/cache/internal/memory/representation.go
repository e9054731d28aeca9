package memory

import "net/http"

// Representation is what is sent of a response: its plain bytes or others.
type Representation struct {
	Fields []Field
	Body   []byte
	ETag   string
}

// Get returns the first value of a field, or "". name is in canonical form.
func (p *Representation) Get(name string) string {
	for i := range p.Fields {
		if p.Fields[i].Name == name && len(p.Fields[i].Values) > 0 {
			return p.Fields[i].Values[0]
		}
	}
	return ""
}

// Header returns the fields, with room for a few more. The values are shared.
func (p *Representation) Header() http.Header {
	header := make(http.Header, len(p.Fields)+4)
	for i := range p.Fields {
		header[p.Fields[i].Name] = p.Fields[i].Values
	}
	return header
}

// Encoding is a response's encoded form, or, without fields, that it has none.
type Encoding struct {
	Coding string
	Representation
}

// None reports whether the response has no such form.
func (e *Encoding) None() bool { return e.Fields == nil }

func (e *Encoding) bytes() int64 {
	if e.None() {
		return 0
	}
	bytes := responseBytes/2 + int64(len(e.Body))
	for i := range e.Fields {
		bytes += fieldBytes + e.Fields[i].weight
	}
	return bytes
}
