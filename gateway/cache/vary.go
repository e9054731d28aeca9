package cache

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// acceptEncoding never tells stored answers apart: they are asked for without it.
const acceptEncoding = "Accept-Encoding"

// selector is a request header field that an answer varies on, with the lines
// that the request had.
type selector struct {
	name  string
	lines []string
}

// selectors returns the fields of the request that select an answer. Host, which
// is not in the header, is a part of every key.
func selectors(r *http.Request, names []string) []selector {
	var list []selector
	for _, name := range names {
		lines := slices.Clone(r.Header[name])
		for i := range lines {
			lines[i] = strings.Clone(lines[i])
		}
		list = append(list, selector{name, lines})
	}
	return list
}

// selected reports whether the request selects an answer (RFC 9111, section 4.1).
func selected(r *http.Request, list []selector) bool {
	for i := range list {
		if !slices.Equal(r.Header[list[i].name], list[i].lines) {
			return false
		}
	}
	return true
}

func selectorNames(list []selector) []string {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].name
	}
	return names
}

func sameSelectors(a, b []selector) bool {
	return slices.EqualFunc(a, b, func(a, b selector) bool {
		return a.name == b.name && slices.Equal(a.lines, b.lines)
	})
}

// varyNames returns the field names that an answer varies on, after those of
// the rule; ok is false where it varies on everything.
func varyNames(rule []string, answer http.Header) (names []string, ok bool) {
	names = slices.DeleteFunc(slices.Clone(rule), func(name string) bool { return name == acceptEncoding })
	for _, line := range answer["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
			if name == "*" {
				return nil, false
			}
			if name != "" && name != acceptEncoding && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, true
}

// addVary tells caches further out what the rule varies on.
func addVary(answer http.Header, rule []string) {
	listed := strings.ToLower(strings.Join(answer["Vary"], ","))
	for _, name := range rule {
		if !slices.ContainsFunc(strings.Split(listed, ","), func(s string) bool {
			return strings.EqualFold(strings.TrimSpace(s), name)
		}) {
			answer["Vary"] = append(answer["Vary"], name)
		}
	}
}

// varyKey writes the fields so that no two requests that differ share a key.
func varyKey(r *http.Request, names []string) string {
	var b []byte
	for _, name := range names {
		lines := r.Header[name]
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
