package rfc9111

import (
	"net/http"
	"net/url"
	"strings"
)

// Target is a URI without its query, whose path is unescaped: what differs in
// spelling alone is invalidated together.
type Target struct{ Host, Path string }

// IsSafe reports whether a method changes nothing (RFC 9110, section 9.2.1).
func IsSafe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// AppendInvalidated appends the targets that an unsafe request to u at a host
// invalidates (section 4.4): its own, and those of the same host in the
// response's Location and Content-Location.
func AppendInvalidated(list []Target, host string, u *url.URL, response http.Header) []Target {
	list = append(list, Target{host, u.Path})
	base := url.URL{Scheme: "http", Host: host, Path: u.Path, RawPath: u.RawPath}
	for _, name := range []string{"Location", "Content-Location"} {
		for _, reference := range response[name] {
			other, err := base.Parse(reference)
			if err == nil && strings.EqualFold(other.Host, host) {
				list = append(list, Target{other.Host, other.Path})
			}
		}
	}
	return list
}
