package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// plan says how an answer is stored.
type plan struct {
	selectors  []selector
	status     int
	born       time.Time
	lifetime   time.Duration
	refresh    time.Duration
	grace      time.Duration
	mayBeStale bool
	public     bool
}

// plan decides whether an answer may be stored (RFC 9111, section 3). asked is
// when the upstream was: the age of an answer counts from there (section 4.2.3).
func (h *handler) plan(r *http.Request, status int, answer http.Header, asked time.Time) (p plan, ok bool) {
	d := parseDirectives(answer)
	names, bounded := varyNames(h.vary, answer)
	switch {
	case h.ttl(status) == 0, !bounded,
		d.noStore, d.noCache, d.private,
		!h.mayStore(r, answer, d),
		isForOne(answer),
		h.tooLarge(r, answer, names):
		return plan{}, false
	}
	born := asked.Add(-ageOf(answer))
	p = plan{
		selectors: selectors(r, names),
		status:    status,
		born:      born,
		lifetime:  h.store.jitter(h.lifetime(status, answer, d, asked), asked.Sub(born)),
	}
	if !p.negative() {
		p.refresh, p.grace, p.mayBeStale = h.refreshWindow(d), h.grace(d), d.mayBeStale()
		p.public = d.public
	}
	return p, p.lifetime > time.Since(p.born)
}

// isForOne reports whether the header says that the answer is for one client
// alone, or that its body is not the whole in its plain encoding.
func isForOne(answer http.Header) bool {
	encoding := answer.Get("Content-Encoding")
	return len(answer["Set-Cookie"]) > 0 || len(answer["Trailer"]) > 0 || len(answer["Content-Range"]) > 0 ||
		encoding != "" && !strings.EqualFold(encoding, "identity")
}

// lifetime is how long the answer says that it is fresh (RFC 9111, section
// 4.2.1), or else the rule.
func (h *handler) lifetime(status int, answer http.Header, d directives, asked time.Time) time.Duration {
	if d.sharedMaxAge != absent {
		return d.sharedMaxAge
	}
	if d.maxAge != absent {
		return d.maxAge
	}
	if len(answer["Expires"]) == 0 {
		return h.ttl(status)
	}
	expires, err := http.ParseTime(answer.Get("Expires"))
	if err != nil {
		return 0
	}
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		date = asked
	}
	return expires.Sub(date)
}

// ageOf is the age that the answer had when it came.
func ageOf(answer http.Header) time.Duration {
	if answer.Get("Age") == "" {
		return 0
	}
	return parseDelta(answer.Get("Age"))
}

// declaredLength returns Content-Length, or -1.
func declaredLength(answer http.Header) int64 {
	if len(answer["Content-Length"]) == 0 {
		return -1
	}
	n, err := strconv.ParseInt(answer.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
