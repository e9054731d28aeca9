package rfc9111

import (
	"net/http"
	"time"
)

// MayBeStale reports whether a response with these directives does not forbid to
// use it stale (section 4.2.4).
func (d Directives) MayBeStale() bool {
	return !d.MustRevalidate && !d.ProxyRevalidate && d.SharedMaxAge == Absent
}

// StaleWindow is how long after its lifetime a response with these directives may
// be used: as long as the cache's policy says, less where the response's own
// directive says so, and never where the response forbids that.
func (d Directives) StaleWindow(policy, own time.Duration) time.Duration {
	switch {
	case !d.MayBeStale():
		return 0
	case own != Absent:
		return min(own, policy)
	}
	return policy
}

// IsFailure reports whether a status says that there is no response of the
// origin's, so that a stale one may be used (RFC 5861, section 4). What is the
// client's own doing is none of them.
func IsFailure(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// Supersedes reports whether a final response of this status takes the place of
// those before it, although it is not stored itself: it is about the resource. A
// failure says nothing of it, nor does a refusal of the one request or moment.
func Supersedes(status int) bool {
	switch status {
	case http.StatusNotModified,
		http.StatusRequestTimeout, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge,
		http.StatusRequestURITooLong, http.StatusRequestedRangeNotSatisfiable, http.StatusExpectationFailed,
		http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusUpgradeRequired,
		http.StatusPreconditionRequired, http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge,
		statusClientClosed:
		return false
	}
	return status >= 200 && status < 500
}

// statusClientClosed is the status for a client that has left (499, of nginx).
const statusClientClosed = 499
