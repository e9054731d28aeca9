package ratelimit

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// The response fields in the form that net/http keeps them.
const (
	policyName = "Ratelimit-Policy"
	limitName  = "Ratelimit"
)

// policyField renders RateLimit-Policy: "name";q=10;w=60 for each limit. The
// window has no part of a second, so w is left out where it would have to be
// rounded. A burst that differs from the quota has a parameter of its own.
func policyField(limits []policy.RateLimit) string {
	var b []byte
	for i, limit := range limits {
		b = appendMember(b, i, limit.Name)
		b = appendParameter(b, ";q=", limit.Requests)
		if limit.Interval%time.Second == 0 {
			b = appendParameter(b, ";w=", int64(limit.Interval/time.Second))
		}
		if limit.Burst != limit.Requests {
			b = appendParameter(b, ";venta-burst=", limit.Burst)
		}
	}
	return string(b)
}

// setFields adds both fields to what a limiter further out has set.
func (l *Limiter) setFields(h http.Header, decisions []Decision) {
	var buffer [256]byte
	b := buffer[:0]
	for i, d := range decisions {
		b = appendMember(b, i, l.limits[i].Name)
		b = appendParameter(b, ";r=", d.Remaining)
		// The same moment as Retry-After where the limit refuses.
		if wait := max(d.Reset, d.RetryAfter); wait != Never {
			b = appendParameter(b, ";t=", seconds(wait))
		}
	}
	addMembers(h, policyName, l.policies)
	addMembers(h, limitName, string(b))
}

func addMembers(h http.Header, name, members string) {
	if outer := h[name]; len(outer) > 0 {
		members = strings.Join(outer, ", ") + ", " + members
	}
	h[name] = []string{members}
}

// appendMember begins a member of a list of strings (RFC 9651). Names of
// limits hold nothing that a string would have to escape.
func appendMember(b []byte, i int, name string) []byte {
	if i > 0 {
		b = append(b, ", "...)
	}
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
