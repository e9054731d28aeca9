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

// Withdraws reports whether a status says that the responses before it no longer
// hold, or not for this caller: a failure after it must not bring them back.
func Withdraws(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}
