package cache

import (
	"fmt"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/venta-hq/venta/gateway/apierror"
	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// NotCached is the reason of the response to a request that is to be served from
// the store alone (only-if-cached) and cannot be.
const NotCached apierror.Reason = "NOT_CACHED"

// Middleware returns what puts the cache before a handler, or an error that
// names everything that the rule lacks.
//
// The handler is called by GET and without the client's preconditions and
// Accept-Encoding: the stored body is the whole response in its plain encoding.
// Where a stale response has an entity tag or date of the handler's own, it is
// called with the condition that it still holds, and may respond with 304.
// Compression belongs before the cache, as does everything that sets header
// fields which belong to one response alone: only what the handler sets is stored.
//
// Where others wait for the same response, the handler's context outlives its own
// client; it ends when nobody waits any more. Anything else that bounds a call
// belongs behind the cache.
func (s *Store) Middleware(rule Rule) (func(http.Handler) http.Handler, error) {
	vary, err := rule.validate()
	if err != nil {
		return nil, fmt.Errorf("cache: rule %q: %w", rule.Name, err)
	}
	scope := rule.scope()
	selects, _ := rfc9111.VaryNames(vary, nil)
	return func(next http.Handler) http.Handler {
		rt := &route{
			store: s, rule: rule, audience: newAudience(&rule, vary),
			id: s.routes.Add(1), scope: scope, vary: vary, selects: selects, next: next,
		}
		find := finder{rt, keys{rt}}
		if rule.Policy.Shadow {
			return shadow{rt, find}
		}
		fetch := fetcher{rt}
		return &handler{
			route: rt, finder: find,
			refresher: refresher{rt, find, fetch},
			collapser: collapser{rt, find, fetch},
		}
	}, nil
}

// handler is the cache before one method's handler. It leads a request along the
// line: look up, collapse, fetch, store, serve.
type handler struct {
	*route
	finder    finder
	refresher refresher
	collapser collapser
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.passMethod(w, r)
		return
	}
	var l lookup
	detail, err := h.finder.begin(r, &l)
	switch {
	case err != nil:
		h.refuse(w, r, err)
	case detail != "":
		h.pass(w, r, statusBypass+detail)
	default:
		h.serve(w, r, &l)
	}
}

// serve serves what is stored, or fetches it.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, l *lookup) {
	now := time.Now()
	if v := h.finder.find(r, l, now); v != nil {
		h.hit(w, r, l, v, now)
		return
	}
	if status := (staleness{h.route}).whileRefreshing(r, l, now); status != "" {
		h.staleHit(w, r, l, status, now)
		return
	}
	if l.directives.OnlyIfCached {
		addStatus(w.Header(), statusNotCached)
		h.refuse(w, r, &apierror.Error{
			Code: codes.Unavailable, HTTPStatus: http.StatusGatewayTimeout, Reason: NotCached,
			Message: "the response is not stored, and the request forbids to fetch it",
		})
		return
	}
	switch ok, err := h.finder.tag(r, l); {
	case err != nil:
		h.refuse(w, r, err)
	case !ok:
		h.pass(w, r, statusBypass+"tags")
	default:
		h.collapser.collapse(w, r, l)
	}
}

func (h *handler) hit(w http.ResponseWriter, r *http.Request, l *lookup, v *memory.Response, now time.Time) {
	h.report(r, Hit)
	if l.learn {
		h.finder.keys.learn(r, l.key)
	}
	responder{h.route}.serveStored(w, r, l.key, v, statusHit, now)
}

// staleHit serves a stale response at once, and has it refreshed where that was
// not the client's own wish.
func (h *handler) staleHit(w http.ResponseWriter, r *http.Request, l *lookup, status string, now time.Time) {
	h.report(r, StaleHit)
	if status == statusRevalidate && !l.directives.OnlyIfCached {
		h.refresher.refresh(r, l, now)
	}
	responder{h.route}.serveStored(w, r, l.key, l.stale, status, now)
}

// passMethod passes on what is neither GET nor HEAD. What a write changes is no
// longer served.
func (h *handler) passMethod(w http.ResponseWriter, r *http.Request) {
	if rfc9111.IsSafe(r.Method) || h.rule.IgnoreTargets {
		h.pass(w, r, statusMethod)
		return
	}
	h.report(r, Bypass)
	addStatus(w.Header(), statusMethod)
	h.store.invalidateTarget(w, r, h.next)
}

func (h *handler) pass(w http.ResponseWriter, r *http.Request, status string) {
	h.report(r, Bypass)
	addStatus(w.Header(), status)
	h.next.ServeHTTP(control{h.route}.passing(w, r), r)
}
