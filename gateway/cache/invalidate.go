package cache

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/internal/responsewriter"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/requestctx"
)

// statusClientClosed is the status for a client that has left (499, of nginx).
const statusClientClosed = 499

// InvalidateRule says what a write purges. The functions are called concurrently.
type InvalidateRule struct {
	// Tags returns the tags to purge. It is called before the write; an error
	// refuses the request. Required.
	Tags func(r *http.Request) ([]string, error)
	// OnError writes the response to a request that is refused. Required.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
	// Shadow purges nothing but what policies in shadow have looked up and would
	// have stored, and refuses nothing.
	Shadow bool
	// OnShadow is told in shadow what would have been done: "purge" or "refuse".
	// nil: nobody is told.
	OnShadow policy.ShadowFunc
}

// Invalidator returns what purges a write's tags before the first byte of its
// response leaves, so that a client reads what it has written. It returns an error
// that names what the rule lacks.
//
// What may have been done purges. With [Options].CallsReported that is a response
// that is no error, and one for which some write was begun ([BeginWrite]) and not
// called undone: what was refused on the way, or never sent, leaves everything as it
// is, so that nobody wipes what stands in for an upstream that is away. Without it
// the status alone tells: every response purges but 4xx without 408 and 499, and so
// does a handler that panics.
//
// A write that ends at the upstream after the gateway gave it up is not seen; what
// is read between the two is served until its lifetime ends.
func (s *Store) Invalidator(rule InvalidateRule) (func(http.Handler) http.Handler, error) {
	var errs []error
	if rule.Tags == nil {
		errs = append(errs, errors.New("no Tags"))
	}
	if rule.OnError == nil {
		errs = append(errs, errors.New("no OnError"))
	}
	if len(errs) > 0 {
		return nil, fmt.Errorf("cache: invalidation: %w", errors.Join(errs...))
	}
	purge := func(w *write) { rule.purge(s, w.request, w.tags) }
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tags, err := rule.Tags(r)
			switch {
			case err != nil && rule.Shadow:
				rule.report(r, wouldRefuse)
				next.ServeHTTP(w, r)
				return
			case err != nil:
				rule.OnError(w, r, err)
				return
			}
			served := write{Watcher: responsewriter.Watcher{ResponseWriter: w}, request: r, tags: tags, purge: purge}
			served.serve(next, s.opts.CallsReported)
		})
	}, nil
}

// purge does what a write has earned.
func (rule *InvalidateRule) purge(s *Store, r *http.Request, tags []string) {
	if !rule.Shadow {
		s.Purge(tags...)
		return
	}
	for _, tag := range tags {
		s.tags.Purge(memory.IDOf(shadowTag(tag)))
	}
	rule.report(r, wouldPurge)
}

func (rule *InvalidateRule) report(r *http.Request, would string) {
	if rule.OnShadow != nil {
		rule.OnShadow(r.Context(), would)
	}
}

// InvalidateTargets purges what is stored of the URIs that an unsafe request
// changes (RFC 9111, section 4.4): its own, and those of the same host in the
// response's Location and Content-Location, with whatever query. It does so when
// [Store.Invalidator] would. The handlers that [Store.Middleware] makes do it by
// themselves; this is for writes that are served elsewhere.
func (s *Store) InvalidateTargets(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rfc9111.IsSafe(r.Method) {
			next.ServeHTTP(w, r)
			return
		}
		s.invalidateTarget(w, r, next)
	})
}

func (s *Store) invalidateTarget(w http.ResponseWriter, r *http.Request, next http.Handler) {
	served := write{
		Watcher: responsewriter.Watcher{ResponseWriter: w}, request: r,
		url:   *r.URL, // as it is here, whatever the handler makes of it
		purge: s.purgeTargets,
	}
	served.serve(next, s.opts.CallsReported)
}

func (s *Store) purgeTargets(w *write) {
	var room [3]rfc9111.Target // its own, and one of each field
	targets := rfc9111.AppendInvalidated(room[:0], s.opts.Host(w.request), &w.url, w.Header())
	tags := make([]string, len(targets))
	for i, target := range targets {
		tags[i] = targetTag(target)
	}
	s.Purge(tags...)
}

// write is a write on its way, with all that its purge needs: one allocation.
type write struct {
	responsewriter.Watcher
	request *http.Request
	url     url.URL  // of InvalidateTargets
	tags    []string // of an Invalidator
	purge   func(*write)
	decided bool
	fate    *fate // nil: writes are not reported
	own     fate
}

// serve serves the write, and purges before the first byte of its response if it
// may have been done.
func (w *write) serve(next http.Handler, reported bool) {
	w.OnBegin = w.decide
	r := w.request
	if reported {
		r = w.listen()
	}
	status := http.StatusInternalServerError // it panics
	defer func() { w.decide(status) }()
	next.ServeHTTP(w, r)
	status = http.StatusOK // nothing was written
}

// listen lets BeginWrite reach the write. Two of one request share what is heard.
func (w *write) listen() *http.Request {
	if w.fate = fateOf(w.request.Context()); w.fate != nil {
		return w.request
	}
	w.fate = &w.own
	return requestctx.With(w.request, fateKey{}, w.fate)
}

// decide purges once, or not at all.
func (w *write) decide(status int) {
	if w.decided {
		return
	}
	w.decided = true
	if w.mayBeDone(status) {
		w.purge(w)
	}
}

func (w *write) mayBeDone(status int) bool {
	if w.fate != nil {
		return status < http.StatusBadRequest || w.fate.mayBeDone.Load() > 0
	}
	return status/100 != 4 || status == http.StatusRequestTimeout || status == statusClientClosed
}
