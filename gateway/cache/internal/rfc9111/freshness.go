package rfc9111

import (
	"math"
	"net/http"
	"strings"
	"time"
)

// Freshness says from when and for how long a stored response may be used
// (section 4.2), and how long after that while it is stale (RFC 5861).
type Freshness struct {
	Born                 time.Time     // when its age was zero
	Lifetime             time.Duration // how long it is fresh
	StaleWhileRevalidate time.Duration // how long after that it may be used while it is refreshed
	StaleIfError         time.Duration // how long after its lifetime it may be used in place of a failure
	MayBeStale           bool          // the response does not forbid to use it stale
}

// Age returns how old the response is, never less than zero.
func (f Freshness) Age(now time.Time) time.Duration { return max(now.Sub(f.Born), 0) }

// Fresh reports whether the response is younger than its lifetime.
func (f Freshness) Fresh(now time.Time) bool { return f.Age(now) < f.Lifetime }

// Useful reports whether the response may still be used for any request.
func (f Freshness) Useful(now time.Time) bool { return f.Age(now) < f.end() }

// Left is how long the response will stay useful; zero or less where it is not.
func (f Freshness) Left(now time.Time) time.Duration { return f.end() - f.Age(now) }

func (f Freshness) end() time.Duration {
	return sum(f.Lifetime, max(f.StaleIfError, f.StaleWhileRevalidate))
}

// sum adds two durations, neither of which is negative. The longest is the most.
func sum(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// WhileRevalidating reports whether the response may be used while it is refreshed.
func (f Freshness) WhileRevalidating(now time.Time) bool {
	return f.Age(now) < sum(f.Lifetime, f.StaleWhileRevalidate)
}

// InPlaceOfError reports whether the response may be used in place of a failure.
func (f Freshness) InPlaceOfError(now time.Time) bool {
	return f.Age(now) < sum(f.Lifetime, f.StaleIfError)
}

// AllowedBy reports whether a request's directives admit a response of this age
// (section 5.2.1).
func (f Freshness) AllowedBy(request Directives, now time.Time) bool {
	age := f.Age(now)
	return !request.NoCache &&
		(request.MaxAge == Absent || age <= request.MaxAge) &&
		(request.MinFresh == Absent || f.Lifetime-age >= request.MinFresh) &&
		(request.MaxStale == Absent || age-f.Lifetime <= request.MaxStale)
}

// Lifetime is how long a response says that it is fresh (section 4.2.1), or
// otherwise where it says nothing. requested stands in for a missing Date. It is
// from zero, which says that the response is stale at once, to the longest that a
// directive can have: an Expires can be further away.
func Lifetime(response http.Header, d Directives, requested time.Time, otherwise time.Duration) time.Duration {
	if d.SharedMaxAge != Absent {
		return d.SharedMaxAge
	}
	if d.MaxAge != Absent {
		return d.MaxAge
	}
	if len(response["Expires"]) == 0 {
		return otherwise
	}
	expires, err := http.ParseTime(response.Get("Expires"))
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(response.Get("Date"))
	if err != nil {
		date = requested
	}
	return min(max(expires.Sub(date), 0), maxDelta*time.Second)
}

// HasLifetime reports whether a response says itself how long it is fresh.
func HasLifetime(response http.Header, d Directives) bool {
	return d.SharedMaxAge != Absent || d.MaxAge != Absent || len(response["Expires"]) > 0
}

// Born is when the age of a response was zero (section 4.2.3): its Age before
// the request that brought it was sent. Of several values of Age the first counts,
// and what is no number of seconds counts as none (section 5.1).
func Born(response http.Header, requested time.Time) time.Time {
	age, _, _ := strings.Cut(response.Get("Age"), ",")
	return requested.Add(-parseDelta(strings.TrimSpace(age)))
}
