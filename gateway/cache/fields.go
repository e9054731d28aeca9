package cache

import (
	"net/http"
	"slices"
	"strings"
)

// field is a stored header field, ready to be sent.
type field struct {
	name        string
	values      []string
	list        bool // added to what is set further out, where others replace it
	aboutBody   bool // left out where no body is sent (RFC 9110, section 15.4.5)
	storedBytes int64
}

// storedFields copies what of an answer's header belongs to the answer rather
// than to one connection, one request or one moment.
func storedFields(answer http.Header) []field {
	var list []field
	hop := strings.Join(answer["Connection"], ",")
	for name, values := range answer {
		if !isStored(name) || namesField(hop, name) {
			continue
		}
		own := make([]string, len(values))
		for i, value := range values {
			own[i] = strings.Clone(value)
		}
		list = append(list, newField(strings.Clone(name), own))
	}
	slices.SortFunc(list, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return list
}

// newField owns its values.
func newField(name string, values []string) field {
	f := field{
		name:      name,
		values:    slices.Clip(values), // no room that who appends could write into
		list:      isList(name),
		aboutBody: strings.HasPrefix(name, "Content-") && name != "Content-Location",
	}
	for _, value := range values {
		f.storedBytes += int64(len(value)) + stringBytes
	}
	return f
}

// canonical copies a header. What a handler writes past http.Header's methods
// is a field all the same.
func canonical(h http.Header) http.Header {
	c := make(http.Header, len(h)+4) // with room for what newVariant adds
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		c[name] = append(c[name], values...)
	}
	return c
}

func (f *field) setIn(h http.Header) {
	setField(h, f.name, f.values, f.list)
}

// setField sets what a handler has set in what is set further out.
func setField(h http.Header, name string, values []string, list bool) {
	if list {
		if outer := h[name]; len(outer) > 0 {
			values = append(outer[:len(outer):len(outer)], values...)
		}
	}
	h[name] = values
}

// isStored reports whether a field may be stored: those of the connection
// (RFC 9110, section 7.6.1) and of proxy authentication may not (RFC 9111,
// section 3.1); the others would lie about the request that is answered.
func isStored(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Authentication-Info",
		"Set-Cookie", "Date", "Age", "Cache-Status", "Ratelimit", "Ratelimit-Policy", "Retry-After",
		"X-Request-Id", "X-Correlation-Id", "Request-Id", "Traceparent", "Tracestate", "Traceresponse", "Server-Timing":
		return false
	}
	return true
}

// isList reports whether a field that a handler sets stands beside the same
// field of what is further out.
func isList(name string) bool {
	switch name {
	case "Vary", "Link", "Set-Cookie", "Cache-Status", "Server-Timing", "Via", "Www-Authenticate",
		"Access-Control-Expose-Headers", "Ratelimit", "Ratelimit-Policy":
		return true
	}
	return false
}

// namesField reports whether a list of field names holds one.
func namesField(list, name string) bool {
	for member := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(member), name) {
			return true
		}
	}
	return false
}
