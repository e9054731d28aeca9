package cache

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// lookup is what is found out about one request.
type lookup struct {
	key        memory.Key
	learn      bool // the key is not known from the URL, and could be
	directives rfc9111.Directives
	tags       []string         // what the response will be purged by
	vary       []string         // what the responses are known to vary on
	why        string           // no stored response can be used
	stale      *memory.Response // the newest that is no longer fresh; nil: none
}

// finder looks requests up.
type finder struct {
	*route
	keys keys
}

// begin begins a request's lookup, or says why it passes the cache by.
func (f finder) begin(r *http.Request, l *lookup) (bypass string, err error) {
	l.directives = rfc9111.ParseDirectives(r.Header)
	if bypass = unfit(r, l.directives); bypass != "" {
		return bypass, nil
	}
	if f.rule.Bypass != nil && f.rule.Bypass(r) {
		return "rule", nil
	}
	l.key, l.learn, bypass, err = f.keys.compose(r)
	return bypass, err
}

// unfit says why a GET or HEAD passes the cache by: it asks for a part or under
// conditions that only the origin can judge, carries something that is in no
// key, or forbids to store.
func unfit(r *http.Request, d rfc9111.Directives) string {
	h := r.Header
	switch {
	case d.NoStore:
		return "no-store"
	case r.ContentLength != 0:
		return "body"
	case len(h["Range"]) > 0:
		return "range"
	case len(h["If-Match"]) > 0, len(h["If-Unmodified-Since"]) > 0:
		return "precondition"
	case len(h["Upgrade"]) > 0:
		return "upgrade"
	}
	return ""
}

// find returns a stored response that may be used, or says in l why there is none.
func (f finder) find(r *http.Request, l *lookup, now time.Time) *memory.Response {
	l.why, l.vary = uriMiss, f.vary
	variants := f.store.memory.Variants(l.key)
	if len(variants) == 0 {
		return nil
	}
	for _, v := range variants {
		switch {
		case !f.store.usable(v, now): // as if it were not there
		case !rfc9111.Selected(r.Header, v.Selectors):
			if l.why == uriMiss {
				l.why = varyMiss
			}
		case !v.Fresh(now):
			l.why = stale
			if l.stale == nil {
				l.stale = v
			}
		case !v.AllowedBy(l.directives, now):
			l.why = byRequest
		default:
			return v
		}
	}
	l.vary = rfc9111.SelectorNames(variants[0].Selectors)
	return nil
}

// tag finds what the response will be purged by. ok is false where that cannot be
// stored.
func (f finder) tag(r *http.Request, l *lookup) (ok bool, err error) {
	if f.rule.Tags != nil {
		if l.tags, err = f.rule.Tags(r); err != nil {
			return false, err
		}
	}
	if !f.store.opts.tagsFit(l.tags) {
		f.event(r, TagsTooLarge)
		return false, nil
	}
	if !f.rule.IgnoreTargets {
		l.tags = append(slices.Clip(l.tags), targetTag(rfc9111.Target{Host: l.key.Host, Path: r.URL.Path}))
	}
	return true, nil
}

// targetTag is what a response is purged by when its URI is written to (RFC 9111,
// section 4.4).
func targetTag(t rfc9111.Target) string {
	return "\x00target " + strings.ToLower(t.Host) + "\x00" + t.Path
}
