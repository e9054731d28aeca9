package cache

import (
	"net/http"
	"slices"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// storability decides whether and how a response is stored.
type storability struct{ *route }

// terms says how a response is stored, or that it may not be (RFC 9111, section
// 3). requested is when the upstream was called: the age of a response counts from
// there (section 4.2.3).
func (s storability) terms(r *http.Request, status int, response http.Header, requested time.Time) (t memory.Terms, ok bool) {
	d := rfc9111.ParseDirectives(response)
	names, bounded := rfc9111.VaryNames(s.vary, response)
	switch {
	case !bounded,
		s.rule.Unkeyed != nil && slices.ContainsFunc(names, s.rule.Unkeyed),
		!s.mayStore(status, response, d),
		!s.audience.mayShare(r, response, d),
		s.tooLarge(r, response, names):
		return memory.Terms{}, false
	}
	born := rfc9111.Born(response, requested)
	t = memory.Terms{
		Selectors: rfc9111.Selectors(r.Header, names), Requested: requested,
		Status: status, Public: d.Public, Validate: d.NoCache,
	}
	t.Born = born
	if !d.NoCache {
		lifetime := rfc9111.Lifetime(response, d, requested, s.ttl(status))
		t.Lifetime = s.store.jitter(lifetime, requested.Sub(born))
		s.setStale(&t, d)
	}
	return t, t.Lifetime > time.Since(t.Born) || s.mayValidate(status, response)
}

// setStale says how the response is used when it is no longer fresh. One that says
// that there is nothing is not.
func (s storability) setStale(t *memory.Terms, d rfc9111.Directives) {
	if t.Status >= http.StatusBadRequest {
		return
	}
	t.MayBeStale = d.MayBeStale()
	t.StaleIfError = d.StaleWindow(s.rule.Policy.StaleIfError, d.StaleIfError)
	if !s.rule.Proxy || d.StaleWhileRevalidate != rfc9111.Absent {
		t.StaleWhileRevalidate = d.StaleWindow(s.rule.Policy.StaleWhileRevalidate, d.StaleWhileRevalidate)
	}
}

// mayStore reports whether a response may be stored by its status and directives.
func (s storability) mayStore(status int, response http.Header, d rfc9111.Directives) bool {
	if !s.rule.Proxy {
		return s.ttl(status) > 0 && rfc9111.MayStore(response, d)
	}
	timed := s.ttl(status) > 0 || rfc9111.IsFinal(status) && rfc9111.HasLifetime(response, d)
	return (timed || s.mayValidate(status, response)) && rfc9111.MayStoreOf(status, response, d)
}

// mayValidate reports whether the origin can be asked if the response still holds,
// so that it is of use when it is not fresh.
func (s storability) mayValidate(status int, response http.Header) bool {
	return s.rule.Proxy && status == http.StatusOK && rfc9111.HasValidator(response)
}

// ttl is how long a response of this status is fresh where it does not say so
// itself; 0 is one that is not stored.
func (s storability) ttl(status int) time.Duration {
	switch {
	case status == http.StatusOK:
		return s.rule.Policy.TTL
	case rfc9111.IsNegative(status):
		return s.rule.Policy.NegativeTTL
	}
	return 0
}

// tooLarge reports whether a response cannot be stored for its size, as far as
// its header tells.
func (s storability) tooLarge(r *http.Request, response http.Header, vary []string) bool {
	o := &s.store.opts
	switch {
	case rfc9111.ContentLength(response) > o.MaxEntryBytes:
		s.event(r, ResponseTooLarge)
	case headerBytes(response) > o.MaxHeaderBytes:
		s.event(r, HeaderTooLarge)
	case varyBytes(r.Header, vary) > o.MaxKeyBytes:
		s.event(r, VaryTooLarge)
	default:
		return false
	}
	return true
}

func headerBytes(header http.Header) int64 {
	var bytes int64
	for name, values := range header {
		bytes += int64(len(name))
		for _, value := range values {
			bytes += int64(len(value))
		}
	}
	return bytes
}

func varyBytes(request http.Header, names []string) int64 {
	var bytes int64
	for _, name := range names {
		for _, line := range request[name] {
			bytes += int64(len(line))
		}
	}
	return bytes
}
