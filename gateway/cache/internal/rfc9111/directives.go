package rfc9111

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Absent is the value of a duration that a Cache-Control field does not have.
const Absent time.Duration = -1

// maxDelta is the longest duration that a directive can have, in seconds
// (section 1.2.2).
const maxDelta = 1 << 31

// anyDelta is the value of a max-stale that has none.
const anyDelta = "2147483648"

// Directives are those of a Cache-Control field, in requests and responses, that
// a shared cache knows. Durations that the field does not have are [Absent].
type Directives struct {
	NoStore              bool
	NoCache              bool
	Private              bool
	Public               bool
	MustRevalidate       bool
	ProxyRevalidate      bool
	OnlyIfCached         bool
	MustUnderstand       bool
	MaxAge               time.Duration
	SharedMaxAge         time.Duration // s-maxage
	MinFresh             time.Duration
	MaxStale             time.Duration // a request that names no bound has the longest
	StaleIfError         time.Duration // RFC 5861, section 4
	StaleWhileRevalidate time.Duration // RFC 5861, section 3
}

// NoDirectives returns the directives of a message that has none.
func NoDirectives() Directives {
	return Directives{
		MaxAge: Absent, SharedMaxAge: Absent, MinFresh: Absent, MaxStale: Absent,
		StaleIfError: Absent, StaleWhileRevalidate: Absent,
	}
}

// ParseDirectives reads Cache-Control (section 5.2). A duration that is malformed
// counts as zero, and the shorter of two counts. A no-cache or private that names
// fields counts for the whole response.
func ParseDirectives(h http.Header) Directives {
	d := NoDirectives()
	for _, line := range h["Cache-Control"] {
		for line != "" {
			var member string
			member, line = cutMember(line)
			name, value, _ := strings.Cut(member, "=")
			d.set(strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value))
		}
	}
	return d
}

// Members returns the members of a Cache-Control field, as they are written.
func Members(lines []string) []string {
	var members []string
	for _, line := range lines {
		for line != "" {
			var member string
			member, line = cutMember(line)
			if member = strings.TrimSpace(member); member != "" {
				members = append(members, member)
			}
		}
	}
	return members
}

func (d *Directives) set(name, value string) {
	switch name {
	case "no-store":
		d.NoStore = true
	case "no-cache":
		d.NoCache = true
	case "private":
		d.Private = true
	case "public":
		d.Public = true
	case "must-revalidate":
		d.MustRevalidate = true
	case "proxy-revalidate":
		d.ProxyRevalidate = true
	case "must-understand":
		d.MustUnderstand = true
	case "only-if-cached":
		d.OnlyIfCached = true
	case "max-age":
		d.MaxAge = shorter(d.MaxAge, value)
	case "s-maxage":
		d.SharedMaxAge = shorter(d.SharedMaxAge, value)
	case "min-fresh":
		d.MinFresh = max(d.MinFresh, parseDelta(value))
	case "max-stale":
		if value == "" {
			value = anyDelta
		}
		d.MaxStale = shorter(d.MaxStale, value)
	case "stale-while-revalidate":
		d.StaleWhileRevalidate = shorter(d.StaleWhileRevalidate, value)
	case "stale-if-error":
		d.StaleIfError = shorter(d.StaleIfError, value)
	}
}

func shorter(have time.Duration, value string) time.Duration {
	d := parseDelta(value)
	if have == Absent {
		return d
	}
	return min(have, d)
}

// parseDelta reads delta-seconds, which may be quoted.
func parseDelta(value string) time.Duration {
	value = strings.Trim(value, `"`)
	if value == "" || strings.Trim(value, "0123456789") != "" {
		return 0
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil { // it is too large
		seconds = maxDelta
	}
	return time.Duration(min(seconds, maxDelta)) * time.Second
}

// cutMember splits a list at the first comma that is not inside a quoted string.
func cutMember(list string) (member, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}
