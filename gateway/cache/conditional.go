package cache

import (
	"net/http"
	"strings"
	"time"
)

// notModified evaluates If-None-Match, and without it If-Modified-Since, for an
// answer with status 200 (RFC 9110, section 13.2.2).
func notModified(r *http.Request, etag string, modified time.Time) bool {
	if lines := r.Header["If-None-Match"]; len(lines) > 0 {
		return etag != "" && anyMatches(lines, etag)
	}
	since := r.Header.Get("If-Modified-Since")
	if since == "" || modified.IsZero() {
		return false
	}
	t, err := http.ParseTime(since)
	return err == nil && !modified.After(t)
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
