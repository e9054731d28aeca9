package rfc9111

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// AcceptEncoding never selects a stored response: they are requested without it.
const AcceptEncoding = "Accept-Encoding"

// Selector is a request header field that a response varies on, with the lines
// that the request had. Of a field with credentials it has the lines' digests:
// what is stored, here or in level 2, lets nobody speak in a client's name.
type Selector struct {
	Name  string
	Lines []string
}

// Selectors returns the fields of a request that select a response. Host, which
// is not in the header, belongs into the cache's key. Nothing of the request's
// memory is kept.
func Selectors(request http.Header, names []string) []Selector {
	var list []Selector
	for _, name := range names {
		lines := slices.Clone(request[name])
		for i := range lines {
			if isSecret(name) {
				lines[i] = digest(lines[i])
				continue
			}
			lines[i] = strings.Clone(lines[i])
		}
		list = append(list, Selector{name, lines})
	}
	return list
}

// isSecret reports whether a request's field has what only its client should know.
func isSecret(name string) bool {
	switch name {
	case "Cookie", "Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "X-Auth-Token":
		return true
	}
	return false
}

func digest(line string) string {
	sum := sha256.Sum256([]byte(line))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// Selected reports whether a request selects a response (section 4.1).
func Selected(request http.Header, list []Selector) bool {
	for i := range list {
		if !list[i].selects(request[list[i].Name]) {
			return false
		}
	}
	return true
}

func (s *Selector) selects(lines []string) bool {
	if !isSecret(s.Name) {
		return slices.Equal(lines, s.Lines)
	}
	return slices.EqualFunc(lines, s.Lines, func(line, stored string) bool { return digest(line) == stored })
}

// SelectorNames returns the names of the fields.
func SelectorNames(list []Selector) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}

// SameSelectors reports whether the same requests select two responses.
func SameSelectors(a, b []Selector) bool {
	return slices.EqualFunc(a, b, func(a, b Selector) bool {
		return a.Name == b.Name && slices.Equal(a.Lines, b.Lines)
	})
}

// VaryNames returns the field names that a response varies on, after those of
// the cache's own rule; ok is false where it varies on everything.
func VaryNames(own []string, response http.Header) (names []string, ok bool) {
	names = slices.DeleteFunc(slices.Clone(own), func(name string) bool { return name == AcceptEncoding })
	for _, line := range response["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
			if name == "*" {
				return nil, false
			}
			if name != "" && name != AcceptEncoding && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, true
}

// AddVary tells caches further out what the cache's own rule varies on.
func AddVary(response http.Header, own []string) {
	listed := strings.Join(response["Vary"], ",")
	for _, name := range own {
		if !NamesField(listed, name) {
			response["Vary"] = append(response["Vary"], name)
		}
	}
}

// VaryKey writes the fields of a request so that no two requests that differ in
// them share a key.
func VaryKey(request http.Header, names []string) string {
	var b []byte
	for _, name := range names {
		lines := request[name]
		b = strconv.AppendInt(b, int64(len(lines)), 10)
		for _, line := range lines {
			b = append(b, ':')
			b = strconv.AppendInt(b, int64(len(line)), 10)
			b = append(b, ':')
			b = append(b, line...)
		}
		b = append(b, ';')
	}
	return string(b)
}
