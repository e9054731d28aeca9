// Package rfc9111 has the rules of a shared HTTP cache (RFC 9111; RFC 5861 for
// stale responses) as functions of headers, times and directives. It has no
// state, no clock and no handler. Sections without a number of their own RFC are
// of RFC 9111.
package rfc9111
