package compression

import (
	"maps"
	"net/http"
	"strings"
)

// entityTag is a parsed entity tag (RFC 9110, section 8.8.3).
type entityTag struct {
	weak   bool
	opaque string // between the quotes
}

func (t entityTag) String() string {
	if t.weak {
		return `W/"` + t.opaque + `"`
	}
	return `"` + t.opaque + `"`
}

// cutTag reads the first tag of a list. Commas may stand inside a tag.
func cutTag(list string) (t entityTag, rest string, ok bool) {
	list = strings.TrimLeft(list, ", \t")
	list, t.weak = strings.CutPrefix(list, "W/")
	list, ok = strings.CutPrefix(list, `"`)
	if !ok {
		return t, "", false
	}
	t.opaque, rest, ok = strings.Cut(list, `"`)
	return t, rest, ok
}

func suffix(c Coding) string { return "-" + c.String() }

// encodedTag returns the tag of a response's compressed bytes; it is empty where
// there can be none.
func encodedTag(tag string, c Coding) string {
	t, rest, ok := cutTag(tag)
	switch {
	case !ok || rest != "":
		return ""
	case t.weak:
		return tag
	}
	t.opaque += suffix(c)
	return t.String()
}

// plainTag returns the tag that a handler knows, where a client sends one that
// the middleware may have made. Codings that fit refuses are not looked for.
func plainTag(t entityTag, fit func(Coding) bool) (entityTag, bool) {
	for c := identity + 1; c < others; c++ {
		if opaque, ok := strings.CutSuffix(t.opaque, suffix(c)); ok && fit(c) {
			t.opaque = opaque
			return t, true
		}
	}
	return t, false
}

// withPlainTags puts the handler's tags before those of the list, which stay:
// they may be the handler's own. All are on one line, since handlers such as
// http.ServeContent read no more. Without any of the handler's it returns lines.
func withPlainTags(lines []string, fit func(Coding) bool) (extended []string, changed bool) {
	var plain []string
	for _, line := range lines {
		for t, rest, ok := cutTag(line); ok; t, rest, ok = cutTag(rest) {
			if known, ok := plainTag(t, fit); ok {
				plain = append(plain, known.String())
			}
		}
	}
	if plain == nil {
		return lines, false
	}
	return []string{strings.Join(append(plain, lines...), ", ")}, true
}

// holdsTag reports whether a list has a tag, by weak comparison.
func holdsTag(lines []string, opaque string) bool {
	for _, line := range lines {
		for t, rest, ok := cutTag(line); ok; t, rest, ok = cutTag(rest) {
			if t.opaque == opaque {
				return true
			}
		}
	}
	return false
}

// translate returns the request as the handler understands it. A condition on a
// range is about its bytes and stays.
func (w *writer) translate(r *http.Request) *http.Request {
	if len(r.Header["If-None-Match"]) == 0 && len(r.Header["If-Match"]) == 0 || len(r.Header["Range"]) > 0 {
		return r
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	every := func(Coding) bool { return true }
	fit := every
	if reads { // what the client has must be what it may get
		w.noneMatch = r.Header["If-None-Match"]
		fit = func(c Coding) bool { return w.preferences.of(c) > 0 }
	}
	noneMatch, changed := withPlainTags(r.Header["If-None-Match"], fit)
	match, alsoChanged := withPlainTags(r.Header["If-Match"], every)
	if !changed && !alsoChanged {
		return r
	}
	r = r.WithContext(r.Context()) // a copy: the caller's stays as it is
	r.Header = maps.Clone(r.Header)
	setLines(r.Header, "If-None-Match", noneMatch)
	setLines(r.Header, "If-Match", match)
	return r
}

func setLines(h http.Header, name string, lines []string) {
	if len(lines) > 0 {
		h[name] = lines
	}
}

// nameTag gives a 304 the tag of the response that the client has.
func (w *writer) nameTag(h http.Header) {
	if len(w.noneMatch) == 0 {
		return
	}
	t, rest, ok := cutTag(h.Get("Etag"))
	if !ok || rest != "" || t.weak {
		return
	}
	for _, c := range w.compressor.options.Codings {
		if w.preferences.of(c) > 0 && holdsTag(w.noneMatch, t.opaque+suffix(c)) {
			t.opaque += suffix(c)
			h.Set("Etag", t.String())
			return
		}
	}
}
