package rfc9111

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// IsStored reports whether a response's field may be stored: those of the
// connection (RFC 9110, section 7.6.1) and of proxy authentication may not
// (section 3.1); the others would lie about the request that they are sent to.
// name is in canonical form, here and below.
func IsStored(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Authentication-Info",
		"Set-Cookie", "Age", "Cache-Status", "Ratelimit", "Ratelimit-Policy", "Retry-After",
		"X-Request-Id", "X-Correlation-Id", "Request-Id", "Traceparent", "Tracestate", "Traceresponse", "Server-Timing":
		return false
	}
	return true
}

// IsList reports whether a field that a handler sets stands beside the same
// field of what is further out.
func IsList(name string) bool {
	switch name {
	case "Vary", "Link", "Set-Cookie", "Cache-Status", "Server-Timing", "Via", "Www-Authenticate",
		"Access-Control-Expose-Headers", "Ratelimit", "Ratelimit-Policy":
		return true
	}
	return false
}

// IsAboutBody reports whether a field describes the body, so that a 304 leaves it
// out (RFC 9110, section 15.4.5).
func IsAboutBody(name string) bool {
	return strings.HasPrefix(name, "Content-") && name != "Content-Location"
}

// Canonical copies a header. What a handler writes past http.Header's methods is
// a field all the same.
func Canonical(h http.Header) http.Header {
	c := make(http.Header, len(h)+4) // with room for what is added before it is stored
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		c[name] = append(c[name], values...)
	}
	return c
}

// SetField sets what a handler has set in the header of what is further out,
// whose lists it extends.
func SetField(outer http.Header, name string, values []string, list bool) {
	if list {
		if before := outer[name]; len(before) > 0 {
			values = append(slices.Clip(before), values...)
		}
	}
	outer[name] = values
}

// NamesField reports whether a list of field names holds one.
func NamesField(list, name string) bool {
	for member := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(member), name) {
			return true
		}
	}
	return false
}

// ContentLength returns the length of the body that a header declares, or -1.
func ContentLength(h http.Header) int64 {
	if len(h["Content-Length"]) == 0 {
		return -1
	}
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// IsToken reports whether s is a token (RFC 9110, section 5.6.2).
func IsToken(s string) bool {
	for _, c := range []byte(s) {
		alphanumeric := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !alphanumeric && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
