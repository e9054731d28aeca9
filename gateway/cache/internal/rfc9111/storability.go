package rfc9111

import (
	"net/http"
	"strings"
)

// MayStore reports whether directives and header of a response let a shared cache
// store it whole (section 3), but for what [MayShare] says. One with no-cache
// could never be used without a request to the origin, and is not stored.
func MayStore(response http.Header, d Directives) bool {
	return !d.NoStore && !d.NoCache && !d.Private && !isForOne(response)
}

// MayShare reports whether the response to a request with credentials says that
// others may have it, too (section 3.5).
func MayShare(d Directives) bool {
	return d.Public || d.MustRevalidate || d.SharedMaxAge != Absent
}

// isForOne reports whether the header says that the response is for one client
// alone, or that its body is not the whole in its plain encoding.
func isForOne(response http.Header) bool {
	encoding := response.Get("Content-Encoding")
	return len(response["Set-Cookie"]) > 0 || len(response["Trailer"]) > 0 || len(response["Content-Range"]) > 0 ||
		encoding != "" && !strings.EqualFold(encoding, "identity")
}

// IsNegative reports whether a status says that there is nothing. Of those, 404
// and 410 may be stored by default (RFC 9110, section 15.1).
func IsNegative(status int) bool {
	return status == http.StatusNotFound || status == http.StatusGone
}
