package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// absent is the value of a duration that a Cache-Control field does not have.
const absent time.Duration = -1

// maxDelta is the longest duration that a directive can have (RFC 9111,
// section 1.2.2).
const maxDelta = 1 << 31

// anyDelta is the value of a max-stale that has none.
const anyDelta = "2147483648"

// directives are those of a Cache-Control field, in requests and answers, that
// this cache knows.
type directives struct {
	noStore         bool
	noCache         bool
	private         bool
	public          bool
	mustRevalidate  bool
	proxyRevalidate bool
	onlyIfCached    bool
	maxAge          time.Duration
	sharedMaxAge    time.Duration
	minFresh        time.Duration
	maxStale        time.Duration // a request that names no bound has the longest
	staleIfError    time.Duration
	staleRefresh    time.Duration // stale-while-revalidate
}

// noDirectives returns the directives of a request or answer that has none.
func noDirectives() directives {
	return directives{
		maxAge: absent, sharedMaxAge: absent, minFresh: absent, maxStale: absent, staleIfError: absent, staleRefresh: absent,
	}
}

// parseDirectives reads Cache-Control (RFC 9111, section 5.2). A duration that
// is malformed counts as zero, and the shorter of two counts. A no-cache or
// private that names fields counts for the whole answer.
func parseDirectives(h http.Header) directives {
	d := noDirectives()
	for _, line := range h["Cache-Control"] {
		for line != "" {
			var member string
			member, line = cutMember(line)
			name, value, _ := strings.Cut(member, "=")
			d.set(strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value))
		}
	}
	return d
}

func (d *directives) set(name, value string) {
	switch name {
	case "no-store":
		d.noStore = true
	case "no-cache":
		d.noCache = true
	case "private":
		d.private = true
	case "public":
		d.public = true
	case "must-revalidate":
		d.mustRevalidate = true
	case "proxy-revalidate":
		d.proxyRevalidate = true
	case "stale-while-revalidate":
		d.staleRefresh = shorter(d.staleRefresh, value)
	case "stale-if-error":
		d.staleIfError = shorter(d.staleIfError, value)
	case "only-if-cached":
		d.onlyIfCached = true
	case "max-age":
		d.maxAge = shorter(d.maxAge, value)
	case "s-maxage":
		d.sharedMaxAge = shorter(d.sharedMaxAge, value)
	case "min-fresh":
		d.minFresh = max(d.minFresh, parseDelta(value))
	case "max-stale":
		if value == "" {
			value = anyDelta
		}
		d.maxStale = shorter(d.maxStale, value)
	}
}

func shorter(have time.Duration, value string) time.Duration {
	d := parseDelta(value)
	if have == absent {
		return d
	}
	return min(have, d)
}

// parseDelta reads delta-seconds, which may be quoted.
func parseDelta(value string) time.Duration {
	value = strings.Trim(value, `"`)
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 0
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil { // it is too large
		seconds = maxDelta
	}
	return time.Duration(min(seconds, maxDelta)) * time.Second
}

// cutMember splits a list at the first comma that is not inside a quoted string.
func cutMember(list string) (member, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for _, c := range []byte(s) {
		alphanumeric := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
