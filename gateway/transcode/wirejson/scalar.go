package wirejson

import (
	"encoding/base64"
	"math"
	"strconv"
)

// appendNumber appends a value of a kind that is one word on the wire.
func appendNumber(dst []byte, f *field, bits uint64) []byte {
	switch f.kind {
	case kindBool:
		return strconv.AppendBool(dst, bits != 0)
	case kindInt32, kindSint32:
		return strconv.AppendInt(dst, f.kind.signed(bits), 10)
	case kindUint32:
		return strconv.AppendUint(dst, bits, 10)
	case kindInt64, kindSint64:
		dst = strconv.AppendInt(append(dst, '"'), f.kind.signed(bits), 10)
		return append(dst, '"')
	case kindUint64:
		dst = strconv.AppendUint(append(dst, '"'), bits, 10)
		return append(dst, '"')
	case kindFloat:
		return appendFloat(dst, float64(math.Float32frombits(uint32(bits))), 32)
	case kindDouble:
		return appendFloat(dst, math.Float64frombits(bits), 64)
	case kindEnum:
		return f.enum.append(dst, int32(bits))
	default:
		return append(dst, "null"...)
	}
}

// appendZero appends the zero value of any scalar kind.
func appendZero(dst []byte, f *field) []byte {
	if f.kind == kindString || f.kind == kindBytes {
		return append(dst, `""`...)
	}
	return appendNumber(dst, f, 0)
}

func appendBase64(dst, b []byte) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
	return append(dst, '"')
}

// appendFloat writes the shortest number that reads back as n, in ES6 form as
// encoding/json does: exponents only outside [1e-6, 1e21), without a leading zero.
func appendFloat(dst []byte, n float64, size int) []byte {
	switch {
	case math.IsNaN(n):
		return append(dst, `"NaN"`...)
	case math.IsInf(n, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(n, -1):
		return append(dst, `"-Infinity"`...)
	}
	if plainFloat(math.Abs(n), size) {
		return strconv.AppendFloat(dst, n, 'f', -1, size)
	}
	dst = strconv.AppendFloat(dst, n, 'e', -1, size)
	if l := len(dst); dst[l-3] == '-' && dst[l-2] == '0' {
		dst = append(dst[:l-2], dst[l-1])
	}
	return dst
}

func plainFloat(abs float64, size int) bool {
	if size == 32 {
		return abs == 0 || float32(abs) >= 1e-6 && float32(abs) < 1e21
	}
	return abs == 0 || abs >= 1e-6 && abs < 1e21
}
