package compression

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// send writes the header, as it was when the handler wrote the status: what it
// has set since are trailers, or came too late.
func (w *writer) send(next state) {
	w.state = next
	h := w.Header()
	late := w.rewind(h)
	if next == compressing {
		w.describe(h)
	}
	w.ResponseWriter.WriteHeader(w.status)
	if late != nil {
		clear(h)
		maps.Copy(h, late)
	}
}

// rewind takes back what the handler has set late, and returns it.
func (w *writer) rewind(h http.Header) (late http.Header) {
	if w.held == nil || maps.EqualFunc(h, w.held.header, slices.Equal[[]string]) {
		return nil
	}
	late = maps.Clone(h)
	clear(h)
	maps.Copy(h, w.held.header)
	return late
}

// describe turns the plain response's header into that of the compressed one.
func (w *writer) describe(h http.Header) {
	w.encoding[0] = w.coding.String()
	h["Content-Encoding"] = w.encoding[:]
	delete(h, "Content-Length")
	delete(h, "Accept-Ranges") // ranges are of the plain response
	if w.sniffed != "" {
		h.Set("Content-Type", w.sniffed) // the server would not look into encoded bytes
	}
	if len(h["Etag"]) > 0 {
		if tag := encodedTag(h.Get("Etag"), w.coding); tag != "" {
			h.Set("Etag", tag)
		} else {
			delete(h, "Etag")
		}
	}
}

// declaredLength returns Content-Length, or -1.
func declaredLength(h http.Header) int64 {
	value := h.Get("Content-Length")
	if value == "" {
		return -1
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// addVary adds Accept-Encoding to Vary. The slices stay as they are: others may
// share them.
func (w *writer) addVary(h http.Header) {
	const name = "Accept-Encoding"
	if w.found&varyField == 0 {
		w.vary[0] = name
		h["Vary"] = w.vary[:]
		return
	}
	lines := h["Vary"]
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.TrimSpace(member); member == "*" || strings.EqualFold(member, name) {
				return
			}
		}
	}
	h["Vary"] = append(slices.Clip(lines), name)
}

// fields is a set of the header fields that decide.
type fields uint16

const (
	contentType fields = 1 << iota
	contentLength
	contentRange
	cacheControl
	setCookie
	varyField
	notOurs // the handler has coded or signed the bytes (digests: RFC 9530)
	renamed // nothing is decided by it, but its name must be found later
)

// deciding are these fields, by the length of their names.
var deciding = [...][]struct {
	name string
	in   fields
}{
	4:  {{"Etag", renamed}, {"Vary", varyField}},
	6:  {{"Digest", notOurs}},
	10: {{"Set-Cookie", setCookie}},
	11: {{"Content-Md5", notOurs}, {"Repr-Digest", notOurs}},
	12: {{"Content-Type", contentType}},
	13: {{"Accept-Ranges", renamed}, {"Cache-Control", cacheControl}, {"Content-Range", contentRange}},
	14: {{"Content-Digest", notOurs}, {"Content-Length", contentLength}},
	16: {{"Content-Encoding", notOurs}},
}

// canonicalize renames the fields that decide, where the handler has written
// them past http.Header's methods, and returns those that have values.
func canonicalize(h http.Header) fields {
	var found fields
	for name, values := range h {
		if len(name) >= len(deciding) {
			continue
		}
		for _, d := range deciding[len(name)] {
			if name != d.name && !strings.EqualFold(name, d.name) {
				continue
			}
			if name != d.name {
				own := h[d.name]
				h[d.name] = append(slices.Clip(own), values...)
				delete(h, name)
			}
			if len(values) > 0 {
				found |= d.in
			}
			break
		}
	}
	return found
}
