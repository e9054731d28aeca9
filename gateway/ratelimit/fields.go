package ratelimit

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// FieldStyle is the form in which responses tell of the limits.
type FieldStyle int

// The forms of the fields. Limits in shadow mode stand in none: they are not in
// force, and a client that slows down for them would spoil their measurement.
const (
	// FieldsDraft10 is RateLimit and RateLimit-Policy as structured fields
	// (draft-ietf-httpapi-ratelimit-headers-10).
	FieldsDraft10 FieldStyle = iota
	// FieldsDraft03 is RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset of
	// the limit that is nearest to its end (the same draft, -03).
	FieldsDraft03
	// FieldsNone is no field but Retry-After.
	FieldsNone
)

// Validate returns an error for a style that is none of these.
func (s FieldStyle) Validate() error {
	if s < FieldsDraft10 || s > FieldsNone {
		return fmt.Errorf("no field style %d", s)
	}
	return nil
}

// The response fields in the form that net/http keeps them.
const (
	policyName    = "Ratelimit-Policy"
	limitName     = "Ratelimit"
	oldLimit      = "Ratelimit-Limit"
	oldRemaining  = "Ratelimit-Remaining"
	oldReset      = "Ratelimit-Reset"
	retryName     = "Retry-After"
	membersInHead = 256 // bytes of a field that need no allocation to build
)

// policyMember renders a limit's member of RateLimit-Policy: "name";q=10;w=60.
// The window has no part of a second, so w is left out where it would have to be
// rounded. A burst that differs from the quota has a parameter of its own.
func policyMember(limit policy.RateLimit, requests, burst int64) string {
	b := appendName(nil, limit.Name)
	b = appendParameter(b, ";q=", requests)
	if limit.Interval%time.Second == 0 {
		b = appendParameter(b, ";w=", int64(limit.Interval/time.Second))
	}
	if burst != requests {
		b = appendParameter(b, ";venta-burst=", burst)
	}
	return string(b)
}

// policyField renders RateLimit-Policy for the tiers of a request.
func (l *Limiter) policyField(charges []Charge) string {
	var members []string
	for i := range l.limits {
		if !l.limits[i].Shadow {
			members = append(members, l.limits[i].tiers[charges[i].Tier].policy)
		}
	}
	return strings.Join(members, ", ")
}

// setFields adds the fields to what a limiter further out has set.
func (l *Limiter) setFields(h http.Header, charges []Charge, decisions []Decision) {
	switch l.opts.Fields() {
	case FieldsDraft10:
		l.setStructured(h, charges, decisions)
	case FieldsDraft03:
		l.setNearest(h, charges, decisions)
	}
}

func (l *Limiter) setStructured(h http.Header, charges []Charge, decisions []Decision) {
	var buffer [membersInHead]byte
	b := buffer[:0]
	tiers := false
	for i, d := range decisions {
		tiers = tiers || charges[i].Tier != 0
		if !l.limits[i].Shadow && !d.Unknown {
			b = l.appendState(b, i, d)
		}
	}
	policies := l.policies
	if tiers {
		policies = []string{l.policyField(charges)}
	}
	addMembers(h, policyName, policies)
	addMembers(h, limitName, []string{string(b)})
}

// appendState renders a limit's member of RateLimit: "name";r=3;t=6.
func (l *Limiter) appendState(b []byte, i int, d Decision) []byte {
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	b = appendName(b, l.limits[i].Name)
	b = appendParameter(b, ";r=", d.Remaining)
	// The same moment as Retry-After where the limit refuses.
	if wait := max(d.Reset, d.RetryAfter); wait != Never {
		b = appendParameter(b, ";t=", seconds(wait))
	}
	return b
}

// addMembers sets a field whose value may be shared, or appends to what is set.
func addMembers(h http.Header, name string, members []string) {
	switch outer := h[name]; {
	case members[0] == "":
	case len(outer) == 0:
		h[name] = members
	default:
		h[name] = []string{strings.Join(outer, ", ") + ", " + members[0]}
	}
}

// setNearest tells of the limit with the least remaining share, unless a limiter
// further out told of one with less.
func (l *Limiter) setNearest(h http.Header, charges []Charge, decisions []Decision) {
	nearest := -1
	for i, d := range decisions {
		if l.limits[i].Shadow || d.Unknown {
			continue
		}
		if nearest < 0 || d.Remaining < decisions[nearest].Remaining {
			nearest = i
		}
	}
	if nearest < 0 {
		return
	}
	d := decisions[nearest]
	if outer, err := strconv.ParseInt(h.Get(oldRemaining), 10, 64); err == nil && outer < d.Remaining {
		return
	}
	text := func(n int64) []string { return []string{strconv.FormatInt(n, 10)} }
	h[oldLimit] = text(int64(l.limits[nearest].tiers[charges[nearest].Tier].quota.requests))
	h[oldRemaining] = text(d.Remaining)
	delete(h, oldReset)
	if wait := max(d.Reset, d.RetryAfter); wait != Never {
		h[oldReset] = text(seconds(wait))
	}
}

// appendName begins a member of a list of strings (RFC 9651). Names of limits
// hold nothing that a string would have to escape.
func appendName(b []byte, name string) []byte {
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"')
}

func appendParameter(b []byte, key string, value int64) []byte {
	return strconv.AppendInt(append(b, key...), value, 10)
}

// seconds rounds up: who waits that long has waited long enough.
func seconds(d time.Duration) int64 {
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++
	}
	return s
}
