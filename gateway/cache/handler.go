package cache

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/policy"
)

// NotCached is the reason of the answer to a request that is to be answered from
// the store alone (only-if-cached) and cannot be.
const NotCached apierror.Reason = "NOT_CACHED"

// maxWaits is how many flights of others one request waits for before it asks
// the upstream by itself: a second one only where the first brought another
// variant or was purged.
const maxWaits = 2

// handler is the cache before one method's handler.
type handler struct {
	store *Store
	rule  Rule
	scope string
	vary  []string
	next  http.Handler
}

// lookup is one request's way through the cache.
type lookup struct {
	key        key
	directives rfc9111.Directives
	tags       []string
	vary       []string // what answers are known to vary on
	why        string   // no stored answer can be used
	stale      *variant // an answer that is no longer fresh; nil: none
	learn      bool     // the key is not known from the URL
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.passMethod(w, r)
		return
	}
	var l lookup
	detail, err := h.prepare(r, &l)
	switch {
	case err != nil:
		h.refuse(w, r, err)
	case detail != "":
		h.pass(w, r, statusBypass+detail)
	default:
		h.answer(w, r, &l)
	}
}

// prepare begins a request's way, or says why it passes the cache by.
func (h *handler) prepare(r *http.Request, l *lookup) (bypass string, err error) {
	l.directives = rfc9111.ParseDirectives(r.Header)
	if bypass = unfit(r, l.directives); bypass != "" {
		return bypass, nil
	}
	if h.rule.Bypass != nil && h.rule.Bypass(r) {
		return "rule", nil
	}
	return h.key(r, l)
}

// answer serves what is stored, or finds it.
func (h *handler) answer(w http.ResponseWriter, r *http.Request, l *lookup) {
	now := time.Now()
	if v := h.find(r, l, now); v != nil {
		h.observe(r, Hit)
		h.learnURL(r, l)
		h.serveStored(w, r, l, v, statusHit, now)
		return
	}
	if h.serveWhileStale(w, r, l, now) {
		return
	}
	if l.directives.OnlyIfCached {
		addStatus(w.Header(), statusNotCached)
		h.refuse(w, r, &apierror.Error{
			Code: codes.Unavailable, HTTPStatus: http.StatusGatewayTimeout, Reason: NotCached,
			Message: "the answer is not stored, and the request forbids to ask for it",
		})
		return
	}
	switch ok, err := h.tag(r, l); {
	case err != nil:
		h.refuse(w, r, err)
	case !ok:
		h.pass(w, r, statusBypass+"tags")
	default:
		h.fetch(w, r, l)
	}
}

// tag finds what the answer will be purged by. ok is false where that cannot be
// kept.
func (h *handler) tag(r *http.Request, l *lookup) (ok bool, err error) {
	if h.rule.Tags != nil {
		if l.tags, err = h.rule.Tags(r); err != nil {
			return false, err
		}
	}
	if !h.store.opts.tagsFit(l.tags) {
		h.event(r, TagsTooLarge)
		return false, nil
	}
	if !h.rule.IgnoreTargets {
		l.tags = append(slices.Clip(l.tags), targetTag(r.Host, r.URL.Path))
	}
	return true, nil
}

// find returns a stored answer that may be used, or says in l why there is none.
func (h *handler) find(r *http.Request, l *lookup, now time.Time) *variant {
	l.why, l.vary = uriMiss, h.vary
	stored, ok := h.store.entries.GetIfPresent(l.key)
	if !ok {
		return nil
	}
	for _, v := range stored.variants {
		switch {
		case !h.store.tags.current(v.stamps), !h.store.trusts(v.stamps, now): // as if it were not there
		case !rfc9111.Selected(r.Header, v.selectors):
			if l.why == uriMiss {
				l.why = varyMiss
			}
		case !v.Fresh(now):
			l.why = stale
			l.keep(v)
		case !v.AllowedBy(l.directives, now):
			l.why = byRequest
		default:
			return v
		}
	}
	l.vary = rfc9111.SelectorNames(stored.variants[0].selectors)
	return nil
}

// fetch shares the answer of a flight that is open or leads one. A request that
// others could not use the answer of, or that must not use theirs, goes alone.
func (h *handler) fetch(w http.ResponseWriter, r *http.Request, l *lookup) {
	if h.goesAlone(r, l.directives) {
		h.ask(w, r, l, nil, "")
		return
	}
	for range maxWaits {
		k := flightKey{l.key, rfc9111.VaryKey(r.Header, l.vary)}
		stamps := h.store.tags.stamp(l.tags)
		f, leader := h.store.flights.join(k, h.store.tags, stamps, h.store.joinable(stamps, time.Now()))
		if leader {
			h.lead(w, r, l, f)
			return
		}
		if err := h.store.flights.wait(r.Context(), f); err != nil {
			h.refuse(w, r, waitError(r.Context(), err))
			return
		}
		if h.share(w, r, l, f) {
			return
		}
		if !l.retry(r, f) {
			break
		}
	}
	h.ask(w, r, l, nil, paramUncollapsed)
}

// lead asks the upstream for all who wait for f, unless another flight has landed
// between this request's look into the store and its own flight.
func (h *handler) lead(w http.ResponseWriter, r *http.Request, l *lookup, f *flight) {
	now := time.Now()
	again := lookup{key: l.key, directives: l.directives}
	v := h.find(r, &again, now)
	if v == nil {
		h.ask(w, r, l, f, "")
		return
	}
	h.store.flights.land(f, v, false)
	h.observe(r, Hit)
	h.serveStored(w, r, l, v, statusHit, now)
}

// goesAlone reports whether a request neither leads a flight nor joins one: it
// asks for an answer that is newer than itself, gets one that is for it alone,
// or bounds the call by itself, which others must not be bound by.
func (h *handler) goesAlone(r *http.Request, d rfc9111.Directives) bool {
	return d.NoCache || d.MaxAge == 0 || len(r.Header["Grpc-Timeout"]) > 0 ||
		!h.audienceStated() && h.authenticated(r)
}

// share serves what a flight has brought, if this request may use it. It need
// not be fresh: it came after the request did.
func (h *handler) share(w http.ResponseWriter, r *http.Request, l *lookup, f *flight) bool {
	if f.failed != 0 {
		return h.shareStale(w, r, l, f)
	}
	now := time.Now()
	if f.answer == nil || !rfc9111.Selected(r.Header, f.answer.selectors) || !f.answer.AllowedBy(l.directives, now) {
		return false
	}
	h.observe(r, Collapsed)
	h.serve(w, r, f.answer, statusForward+l.why+paramCollapsed, false, now)
	return true
}

// retry reports whether another flight may bring what this one did not: it was
// purged, or brought another variant, which says what to tell apart.
func (l *lookup) retry(r *http.Request, f *flight) bool {
	if f.answer == nil {
		return f.purged
	}
	l.vary = rfc9111.SelectorNames(f.answer.selectors)
	return !rfc9111.Selected(r.Header, f.answer.selectors)
}

// waitError says that a request ended while it waited for the answer to another.
func waitError(ctx context.Context, cause error) error {
	return &apierror.Error{
		Code:    status.FromContextError(ctx.Err()).Code(),
		Reason:  apierror.TimeoutExceeded,
		Message: "the request ended before its answer came",
		Cause:   fmt.Errorf("waiting for the same answer: %w", cause),
	}
}

// key composes what the answer is stored under, or says why it is not.
func (h *handler) key(r *http.Request, l *lookup) (bypass string, err error) {
	l.key = key{scope: h.scope, host: strings.ToLower(r.Host)}
	if h.rule.Policy.Audience == policy.AudiencePrincipal {
		if l.key.principal = h.rule.Principal(r); l.key.principal == "" {
			return "anonymous", nil
		}
	}
	request, ok, err := h.requestKey(r, l)
	if err != nil || !ok {
		return "key", err
	}
	l.key.request = request
	if l.key.bytes() > h.store.opts.MaxKeyBytes {
		h.event(r, KeyTooLarge)
		return "key-size", nil
	}
	return "", nil
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

// passMethod passes on what is neither GET nor HEAD. What a write changes is no
// longer served.
func (h *handler) passMethod(w http.ResponseWriter, r *http.Request) {
	if rfc9111.IsSafe(r.Method) || h.rule.IgnoreTargets {
		h.pass(w, r, statusMethod)
		return
	}
	h.observe(r, Bypass)
	addStatus(w.Header(), statusMethod)
	h.store.write(w, r, h.next)
}

func (h *handler) pass(w http.ResponseWriter, r *http.Request, status string) {
	h.observe(r, Bypass)
	addStatus(w.Header(), status)
	h.next.ServeHTTP(w, r)
}

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	h.observe(r, Refused)
	h.rule.OnError(w, r, err)
}

func (h *handler) observe(r *http.Request, outcome Outcome) {
	if h.rule.Observe != nil {
		h.rule.Observe(r, outcome)
	}
}
