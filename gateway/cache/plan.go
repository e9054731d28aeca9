package cache

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// plan says how an answer is stored.
type plan struct {
	selectors []selector
	born      time.Time
	lifetime  time.Duration
	grace     time.Duration
}

// plan decides whether an answer may be stored (RFC 9111, section 3). asked is
// when the upstream was: the age of an answer counts from there (section 4.2.3).
func (h *handler) plan(r *http.Request, status int, answer http.Header, asked time.Time) (p plan, ok bool) {
	d := parseDirectives(answer)
	names, bounded := varyNames(h.vary, answer)
	switch {
	case status != http.StatusOK, !bounded,
		d.noStore, d.noCache, d.private,
		!h.mayStore(r, d),
		isForOne(answer),
		declaredLength(answer) > h.store.opts.MaxEntryBytes:
		return plan{}, false
	}
	p = plan{
		selectors: selectors(r, names),
		born:      asked.Add(-ageOf(answer)),
		lifetime:  h.lifetime(answer, d, asked),
		grace:     h.grace(d),
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

// mayStore applies RFC 9111, section 3.5.
func (h *handler) mayStore(r *http.Request, d directives) bool {
	return h.audienceStated() || len(r.Header["Authorization"]) == 0 ||
		d.public || d.mustRevalidate || d.sharedMaxAge != absent
}

// audienceStated reports whether the method's author said who shares an answer
// to a request with credentials.
func (h *handler) audienceStated() bool {
	return h.rule.AuthRequired || h.rule.Policy.Audience == policy.AudiencePrincipal
}

// lifetime is how long the answer says that it is fresh (RFC 9111, section
// 4.2.1), or else the rule.
func (h *handler) lifetime(answer http.Header, d directives, asked time.Time) time.Duration {
	if d.sharedMaxAge != absent {
		return d.sharedMaxAge
	}
	if d.maxAge != absent {
		return d.maxAge
	}
	if len(answer["Expires"]) == 0 {
		return h.rule.Policy.TTL
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
