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

// describe turns the plain answer's header into that of the compressed one.
func (w *writer) describe(h http.Header) {
	w.encoding[0] = w.coding.String()
	h["Content-Encoding"] = w.encoding[:]
	delete(h, "Content-Length")
	delete(h, "Accept-Ranges") // ranges are of the plain answer
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
	lines := h["Vary"]
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.TrimSpace(member); member == "*" || strings.EqualFold(member, name) {
				return
			}
		}
	}
	if len(lines) == 0 {
		w.vary[0] = name
		h["Vary"] = w.vary[:]
		return
	}
	h["Vary"] = append(lines[:len(lines):len(lines)], name)
}

// canonicalize renames the fields that decide, where the handler has written
// them past http.Header's methods.
func canonicalize(h http.Header) {
	for name, values := range h {
		canonical := http.CanonicalHeaderKey(name)
		if canonical == name {
			continue
		}
		switch canonical {
		case "Content-Encoding", "Content-Length", "Content-Range", "Content-Type", "Cache-Control", "Etag", "Vary", "Set-Cookie",
			"Content-Digest", "Repr-Digest", "Digest", "Content-Md5", "Accept-Ranges":
			own := h[canonical]
			h[canonical] = append(own[:len(own):len(own)], values...)
			delete(h, name)
		}
	}
}
