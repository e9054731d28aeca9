package etag

import (
	"net/url"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
)

// mostVersion is the length of the longest version that becomes an ETag.
const mostVersion = 512

// codings are what compression adds to the tag of a response that it has encoded.
func codings() []string { return []string{"-gzip", "-br", "-zstd"} }

// encode returns a version as a strong entity tag (RFC 9110, section 8.8.3), or ""
// where it can be none. Each version has one tag of its own: what may not stand in a
// tag, or could be taken for a part of its form, is percent-encoded.
func encode(version string) string {
	if version == "" || len(version) > mostVersion {
		return ""
	}
	opaque := version
	if strings.ContainsFunc(version, isReserved) {
		opaque = escape(version)
	}
	for _, coding := range codings() {
		if stem, ok := strings.CutSuffix(opaque, coding); ok {
			opaque = stem + "%2D" + coding[1:]
		}
	}
	return `"` + opaque + `"`
}

func isReserved(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '%' }

func escape(version string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(version) {
		if isReserved(rune(c)) {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// decode returns the version of a tag. What no version has for its tag stays as it
// is: it is the service that finds it to be none.
func decode(tag string) string {
	opaque := strings.Trim(tag, `"`)
	if version, err := url.PathUnescape(opaque); err == nil {
		return version
	}
	return opaque
}

// tags are the entity tags of a field.
type tags struct {
	any    bool     // "*"
	strong []string // without the codings of compression, each once
}

func (t tags) holds(tag string) bool { return tag != "" && slices.Contains(t.strong, tag) }

// parse reads If-Match. Weak tags match nothing and are left out.
func parse(lines []string) (t tags, err error) {
	if len(lines) == 1 && strings.TrimSpace(lines[0]) == "*" {
		return tags{any: true}, nil
	}
	seen := false
	for _, line := range lines {
		for rest := trim(line); rest != ""; seen = true {
			tag, weak, after, ok := cut(rest)
			if !ok {
				return tags{}, malformed()
			}
			if plain := withoutCoding(tag); !weak && !slices.Contains(t.strong, plain) {
				t.strong = append(t.strong, plain)
			}
			if rest = trim(after); after != "" && rest == after { // two tags need a comma between them
				return tags{}, malformed()
			}
		}
	}
	if !seen {
		return tags{}, malformed()
	}
	return t, nil
}

func trim(list string) string { return strings.TrimLeft(list, ", \t") }

func malformed() error {
	return &apierror.Error{
		Code: codes.InvalidArgument, Reason: apierror.InvalidRequest, Message: `If-Match is no list of entity tags such as "abc"`,
	}
}

// cut reads the first tag of a list, in its quotes.
func cut(list string) (tag string, weak bool, rest string, ok bool) {
	list, weak = strings.CutPrefix(list, "W/")
	opaque, quoted := strings.CutPrefix(list, `"`)
	end := strings.IndexByte(opaque, '"')
	if !quoted || end < 0 {
		return "", false, "", false
	}
	return list[:end+2], weak, opaque[end+1:], true
}

// withoutCoding returns the tag of the plain response, in its quotes.
func withoutCoding(tag string) string {
	for _, coding := range codings() {
		if stem, ok := strings.CutSuffix(tag, coding+`"`); ok {
			return stem + `"`
		}
	}
	return tag
}

// holdsWeakly reports whether If-None-Match has a tag (section 13.1.2).
func holdsWeakly(lines []string, tag string) bool {
	for _, line := range lines {
		for rest := trim(line); rest != ""; {
			if rest[0] == '*' {
				return true
			}
			one, _, after, ok := cut(rest)
			if !ok {
				break
			}
			if withoutCoding(one) == tag {
				return true
			}
			rest = trim(after)
		}
	}
	return false
}
