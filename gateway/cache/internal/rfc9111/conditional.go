package rfc9111

import (
	"net/http"
	"strings"
	"time"
)

// NotModified evaluates If-None-Match, and without it If-Modified-Since, of a
// request for a response with status 200 (RFC 9110, section 13.2.2). etag and
// modified are the response's validators: "" and zero where it has none.
func NotModified(request http.Header, etag string, modified time.Time) bool {
	if lines := request["If-None-Match"]; len(lines) > 0 {
		return etag != "" && anyMatches(lines, etag)
	}
	since := request.Get("If-Modified-Since")
	if since == "" || modified.IsZero() {
		return false
	}
	t, err := http.ParseTime(since)
	return err == nil && !modified.After(t)
}

// WeakMatch compares two entity tags weakly (RFC 9110, section 8.8.3.2).
func WeakMatch(a, b string) bool {
	return strings.TrimPrefix(a, "W/") == strings.TrimPrefix(b, "W/")
}

// anyMatches compares weakly, as If-None-Match asks for.
func anyMatches(lines []string, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for _, line := range lines {
		for {
			line = strings.TrimLeft(line, ", \t")
			if strings.HasPrefix(line, "*") {
				return true
			}
			line = strings.TrimPrefix(line, "W/")
			end := strings.IndexByte(strings.TrimPrefix(line, `"`), '"')
			if !strings.HasPrefix(line, `"`) || end < 0 {
				break // the end, or no entity tag
			}
			if line[:end+2] == etag {
				return true
			}
			line = line[end+2:]
		}
	}
	return false
}

// Validated returns the header of a stored response that a 304 with the given
// header has validated (section 4.3.4): what the 304 has is newer, but for what
// the stored bytes depend on (section 3.2), and for the entity tag where keepTag
// says that both name the same one. stored becomes the result.
func Validated(stored, notModified http.Header, keepTag bool) http.Header {
	for name, values := range notModified {
		if (name != "Etag" || !keepTag) && !isOfBytes(name) {
			stored[name] = values
		}
	}
	return stored
}

// isOfBytes reports whether a field is of the body's very bytes, which a 304 does
// not bring anew.
func isOfBytes(name string) bool {
	switch name {
	case "Content-Length", "Content-Encoding", "Content-Range", "Content-Md5", "Content-Digest", "Transfer-Encoding":
		return true
	}
	return false
}
