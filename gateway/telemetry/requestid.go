package telemetry

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// RequestIDHeader carries the request's id, in both directions.
const RequestIDHeader = "X-Request-Id"

// maxIDLength bounds what is kept of a client.
const maxIDLength = 128

// nameRequest returns the id that the client gave, where that can be logged as
// it stands, and a new one otherwise.
func nameRequest(h http.Header) string {
	if given := h[RequestIDHeader]; len(given) > 0 && validID(given[0]) {
		return given[0]
	}
	return newID()
}

// newID returns 128 random bits.
func newID() string {
	var random [16]byte
	rand.Read(random[:]) // documented never to fail
	var text [2 * len(random)]byte
	hex.Encode(text[:], random[:])
	return string(text[:])
}

func validID(id string) bool {
	if id == "" || len(id) > maxIDLength {
		return false
	}
	for i := range len(id) {
		c := id[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alphanumeric && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}
