package wirejson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// appendString appends s as a JSON string, escaping only what JSON demands, and
// reports whether s is UTF-8.
func appendString(dst, s []byte) ([]byte, bool) {
	dst = append(dst, '"')
	n, ascii := plain(s)
	dst = append(dst, s[:n]...)
	if n < len(s) {
		var restASCII bool
		dst, restASCII = appendEscaped(dst, s[n:])
		ascii = ascii && restASCII
	}
	return append(dst, '"'), ascii || utf8.Valid(s)
}

// appendEscaped appends s, which starts with a byte to escape.
func appendEscaped(dst, s []byte) (_ []byte, ascii bool) {
	ascii = true
	for len(s) > 0 {
		dst = appendEscape(dst, s[0])
		n, plainASCII := plain(s[1:])
		ascii = ascii && plainASCII
		dst = append(dst, s[1:1+n]...)
		s = s[1+n:]
	}
	return dst, ascii
}

const hex = "0123456789abcdef"

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	default:
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
	}
}

// One byte, repeated over a word.
const (
	ones   = 0x0101010101010101
	highs  = 0x80 * ones
	spaces = ' ' * ones
	quotes = '"' * ones
	slants = '\\' * ones
)

// plain returns the length of the prefix of s that needs no escape, and whether
// that prefix is ASCII. It looks at eight bytes at a time, the last eight of
// which may overlap those before.
func plain(s []byte) (n int, ascii bool) {
	if len(s) < 8 {
		return plainBytes(s)
	}
	var seen uint64
	for end := len(s) - 8; ; n = min(n+8, end) {
		x := binary.LittleEndian.Uint64(s[n:])
		if special := needEscape(x); special != 0 {
			at := bits.TrailingZeros64(special) &^ 7
			seen |= x & (1<<at - 1)
			return n + at/8, seen&highs == 0
		}
		seen |= x
		if n == end {
			return len(s), seen&highs == 0
		}
	}
}

func plainBytes(s []byte) (n int, ascii bool) {
	var seen byte
	for _, c := range s {
		if c < ' ' || c == '"' || c == '\\' {
			break
		}
		seen |= c
		n++
	}
	return n, seen < utf8.RuneSelf
}

// needEscape marks the high bit of the first byte of x that is a control
// character, a quote or a backslash. Marks above the first one may be wrong: a
// borrow runs upwards.
func needEscape(x uint64) uint64 {
	q, s := x^quotes, x^slants
	control := (x - spaces) &^ x
	quote := (q - ones) &^ q
	slant := (s - ones) &^ s
	return (control | quote | slant) & highs
}
