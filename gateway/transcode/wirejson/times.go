package wirejson

import (
	"errors"
	"strconv"
	"time"
)

// What the JSON mapping allows: the years 1 to 9999, and as many seconds either way.
const (
	minTimestamp = -62135596800
	maxTimestamp = 253402300799
	maxDuration  = 315576000000
	maxNanos     = 999999999
)

// The fields of Timestamp and Duration.
const (
	timeSeconds = iota
	timeNanos
)

var (
	errRange = errors.New("out of range")
	errSigns = errors.New("signs of seconds and nanos differ")
)

// appendTimestamp appends an RFC 3339 time in UTC.
func (p *parsed) appendTimestamp(dst []byte) ([]byte, error) {
	seconds := int64(p.number(timeSeconds))
	nanos := int32(p.number(timeNanos))
	if seconds < minTimestamp || seconds > maxTimestamp || nanos < 0 || nanos > maxNanos {
		return dst, p.fail(errRange)
	}
	t := time.Unix(seconds, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = appendPadded(append(dst, '"'), year, 4)
	dst = appendPadded(append(dst, '-'), int(month), 2)
	dst = appendPadded(append(dst, '-'), day, 2)
	dst = appendPadded(append(dst, 'T'), hour, 2)
	dst = appendPadded(append(dst, ':'), minute, 2)
	dst = appendPadded(append(dst, ':'), second, 2)
	return append(appendFraction(dst, nanos), 'Z', '"'), nil
}

// appendDuration appends seconds with the suffix s.
func (p *parsed) appendDuration(dst []byte) ([]byte, error) {
	seconds := int64(p.number(timeSeconds))
	nanos := int32(p.number(timeNanos))
	if seconds < -maxDuration || seconds > maxDuration || nanos < -maxNanos || nanos > maxNanos {
		return dst, p.fail(errRange)
	}
	if seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0 {
		return dst, p.fail(errSigns)
	}
	dst = append(dst, '"')
	if seconds < 0 || nanos < 0 {
		dst = append(dst, '-')
	}
	dst = strconv.AppendInt(dst, max(seconds, -seconds), 10)
	return append(appendFraction(dst, max(nanos, -nanos)), 's', '"'), nil
}

// appendFraction appends nothing or 3, 6 or 9 digits after a point.
func appendFraction(dst []byte, nanos int32) []byte {
	switch {
	case nanos == 0:
		return dst
	case nanos%1e6 == 0:
		return appendPadded(append(dst, '.'), int(nanos/1e6), 3)
	case nanos%1e3 == 0:
		return appendPadded(append(dst, '.'), int(nanos/1e3), 6)
	default:
		return appendPadded(append(dst, '.'), int(nanos), 9)
	}
}

// appendPadded appends n with leading zeros, width digits in all.
func appendPadded(dst []byte, n, width int) []byte {
	const zeros = "000000000"
	dst = append(dst, zeros[:width]...)
	for i := len(dst) - 1; n > 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}
