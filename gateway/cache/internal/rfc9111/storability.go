package rfc9111

import (
	"net/http"
	"strings"
	"time"
)

// MayStore reports whether directives and header of a response let a shared cache
// store it whole and serve it without asking the origin (section 3), but for what
// [MayShare] says.
func MayStore(response http.Header, d Directives) bool {
	return !d.NoStore && !d.NoCache && !d.Private && !isForOne(response) && !isEncoded(response) &&
		len(response["Content-Range"]) == 0
}

// MayStoreOf is [MayStore] for the responses of an origin that speaks HTTP for
// itself: those with no-cache may be stored, to be validated each time; so may
// those that it has encoded on its own account, as it was not asked to. One of a
// status that must be understood (section 5.2.2.3) is stored where it is, whatever
// no-store says.
func MayStoreOf(status int, response http.Header, d Directives) bool {
	if d.MustUnderstand {
		d.NoStore = http.StatusText(status) == ""
	}
	return !d.NoStore && !d.Private && !isForOne(response) && !IsEventStream(response)
}

// IsFinal reports whether a response of this status may be stored by its own
// word: it is final, and whole (sections 3 and 3.3).
func IsFinal(status int) bool {
	return status >= 200 && status < 600 && status != http.StatusPartialContent && status != http.StatusNotModified
}

// MayShare reports whether the response to a request with credentials says that
// others may have it, too (section 3.5).
func MayShare(d Directives) bool {
	return d.Public || d.MustRevalidate || d.SharedMaxAge != Absent
}

// isForOne reports whether the header says that the response is for one client
// alone.
func isForOne(response http.Header) bool {
	return len(response["Set-Cookie"]) > 0 || len(response["Trailer"]) > 0
}

// isEncoded reports whether the body is not in its plain encoding.
func isEncoded(response http.Header) bool {
	encoding := response.Get("Content-Encoding")
	return encoding != "" && !strings.EqualFold(encoding, "identity")
}

// IsEventStream reports whether the response is a stream of events, which has no
// end to wait for.
func IsEventStream(response http.Header) bool {
	media, _, _ := strings.Cut(response.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(media), "text/event-stream")
}

// HasValidator reports whether the response names its version, so that a cache can
// ask whether it still holds.
func HasValidator(response http.Header) bool {
	if response.Get("Etag") != "" {
		return true
	}
	modified, err := http.ParseTime(response.Get("Last-Modified"))
	return err == nil && modified.After(time.Time{})
}

// IsNegative reports whether a status says that there is nothing. Of those, 404
// and 410 may be stored by default (RFC 9110, section 15.1).
func IsNegative(status int) bool {
	return status == http.StatusNotFound || status == http.StatusGone
}
