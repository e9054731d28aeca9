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
// Every response purges but those that say that nothing was changed: 4xx without
// 408 and 499, behind which the write may have been done. So does a handler that
// panics. A write that ends at the upstream after the gateway gave it up is not
// seen; what is read between the two is served until its lifetime ends.
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
			served.serve(next)
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
	served.serve(next)
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
}

// serve serves the write, and purges before the first byte of its response unless
// the final status says that nothing was changed.
func (w *write) serve(next http.Handler) {
	w.OnBegin = w.decide
	defer w.decide(http.StatusOK) // nothing was written, or it panics
	next.ServeHTTP(w, w.request)
}

// decide purges once, or not at all.
func (w *write) decide(status int) {
	if w.decided {
		return
	}
	w.decided = true
	if status/100 != 4 || status == http.StatusRequestTimeout || status == statusClientClosed {
		w.purge(w)
	}
}
