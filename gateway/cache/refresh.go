package cache

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// The defaults of [Options] for what happens in the background.
const (
	DefaultMaxRefreshes   = 64
	DefaultRefreshTimeout = 30 * time.Second
	DefaultRefreshPause   = time.Second
	DefaultJitter         = 0.05
)

// The Cache-Status of a stale answer that nobody waited for. It is a hit whose
// ttl is negative: RFC 9211, section 2, has "hit" and "fwd" exclude each other.
const (
	statusRevalidate = "venta; hit; detail=stale-while-revalidate"
	statusMaxStale   = "venta; hit; detail=max-stale"
)

// refreshes are the questions that the store asks by itself.
type refreshes struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	slots  chan struct{}

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

var errClosed = errors.New("cache: the store is closed")

func newRefreshes(limit int) *refreshes {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &refreshes{ctx: ctx, cancel: cancel, slots: make(chan struct{}, limit)}
}

// Close ends what the store does in the background and waits for it. What is
// stored is served on; stale answers are no longer fetched anew. It may be
// called more than once.
func (s *Store) Close() {
	s.refreshes.mu.Lock()
	s.refreshes.closed = true
	s.refreshes.mu.Unlock()
	s.refreshes.cancel(errClosed)
	s.refreshes.running.Wait()
}

// reserve takes a place for one refresh, which release gives back.
func (rs *refreshes) reserve() bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.closed {
		return false
	}
	select {
	case rs.slots <- struct{}{}:
		rs.running.Add(1)
		return true
	default:
		return false
	}
}

func (rs *refreshes) release() {
	<-rs.slots
	rs.running.Done()
}

// serveWhileStale serves a stale answer at once, where the policy and the answer
// (RFC 5861, section 3) or the client (max-stale; RFC 9111, section 5.2.1.2)
// allow that.
func (h *handler) serveWhileStale(w http.ResponseWriter, r *http.Request, l *lookup, now time.Time) bool {
	status := h.whileStale(r, l, now)
	if status == "" {
		return false
	}
	h.observe(r, StaleHit)
	if status == statusRevalidate && !l.directives.OnlyIfCached {
		h.refresh(r, l, l.stale, now)
	}
	h.serveStored(w, r, l, l.stale, status, now)
	return true
}

// whileStale returns the Cache-Status of a stale answer that may be served, or "".
func (h *handler) whileStale(r *http.Request, l *lookup, now time.Time) string {
	v := l.stale
	switch {
	case v == nil, !v.MayBeStale, !v.AllowedBy(l.directives, now), !v.public && h.isForCaller(r):
		return ""
	case v.WhileRevalidating(now):
		return statusRevalidate
	case l.directives.MaxStale != rfc9111.Absent:
		return statusMaxStale
	}
	return ""
}

// refresh fetches the answer anew in the background, unless that is under way,
// has failed a moment ago or has no place.
func (h *handler) refresh(r *http.Request, l *lookup, v *variant, now time.Time) {
	k := flightKey{l.key, rfc9111.VaryKey(r.Header, l.vary)}
	if v.live.retryAt.Load() > now.UnixNano() || h.store.flights.isOpen(k) {
		return
	}
	if ok, err := h.tag(r, l); err != nil || !ok {
		h.refreshFailed(r, v, RefreshFailed)
		return
	}
	if !h.store.refreshes.reserve() {
		h.event(r, RefreshSkipped)
		return
	}
	f := h.store.flights.lead(k, h.store.tags, h.store.tags.stamp(l.tags))
	if f == nil {
		h.store.refreshes.release()
		return
	}
	if h.store.stored(l.key, v) == nil { // another refresh has landed since this request looked
		h.store.flights.land(f, nil, false)
		h.store.refreshes.release()
		return
	}
	background := r.Clone(context.WithoutCancel(r.Context()))
	go h.runRefresh(&fill{
		handler: h, request: background, key: l.key, tags: l.tags, stamps: f.stamps, flight: f,
		stale: v, directives: rfc9111.NoDirectives(), status: statusForward + l.why, outcome: Miss,
	})
}

// runRefresh asks the upstream for all who come while it does. The request is a
// copy: the client's own ends before.
func (h *handler) runRefresh(f *fill) {
	defer h.store.refreshes.release()
	defer f.land(nil, false)
	event := RefreshPanic // or the handler ends its goroutine
	defer func() {
		if cause := recover(); cause != nil {
			h.store.opts.Logger.Error("a refresh of a stored answer panicked",
				slog.String("rule", h.rule.Name), slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
		}
		if event == Refreshed {
			h.event(f.request, event)
			return
		}
		h.refreshFailed(f.request, f.stale, event)
	}()
	ctx, cancel := context.WithTimeoutCause(f.request.Context(), h.store.opts.RefreshTimeout, context.DeadlineExceeded)
	defer cancel()
	defer context.AfterFunc(h.store.refreshes.ctx, cancel)()
	event = h.askAgain(ctx, f)
}

// askAgain is one refresh.
func (h *handler) askAgain(ctx context.Context, f *fill) Event {
	if !h.store.tags.current(f.stale.stamps) {
		f.land(nil, true) // those who wait ask by themselves
		return Refreshed
	}
	if f.ctx = ctx; f.serveRemote(nobody{make(http.Header)}) {
		return Refreshed
	}
	f.request.Body = http.NoBody
	delete(f.request.Header, "Grpc-Timeout") // it bounded the client's own call
	recorder := f.put(nobody{make(http.Header)})
	switch {
	case f.kept:
		return Refreshed
	case recorder.status == http.StatusOK && ctx.Err() == nil && !h.isForCaller(f.request):
		// There is a new answer, which may not be stored: the old one is of the past.
		h.store.drop(f.key, f.stale)
		f.second.release(true)
	}
	return RefreshFailed
}

// refreshFailed lets the upstream rest.
func (h *handler) refreshFailed(r *http.Request, v *variant, e Event) {
	v.live.retryAt.Store(time.Now().Add(h.store.opts.RefreshPause).UnixNano())
	h.event(r, e)
}

// nobody is the client of a refresh. It refuses bodies: what is not held back
// to be stored is for nobody.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header       { return n.header }
func (n nobody) WriteHeader(int)           {}
func (n nobody) Write([]byte) (int, error) { return 0, http.ErrBodyNotAllowed }
