package cache

import (
	"context"
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// fill is one question to the upstream.
type fill struct {
	handler *handler
	request *http.Request // the client's
	ctx     context.Context
	key     key
	tags    []string
	stamps  []stamp
	flight  *flight // nil: nobody waits for it
	asked   time.Time
	status  string // the Cache-Status so far

	stale      *variant // what is stored; nil: nothing
	directives rfc9111.Directives
	outcome    Outcome

	conditional bool // the upstream may say that the stale answer still holds
	byTag       bool // by entity tag
	insists     bool // it said so of another
	kept        bool // the answer is stored
	second      *second
	failure     error // what RememberError was told
}

// ask puts the request to the upstream, for all who wait for f.
func (h *handler) ask(w http.ResponseWriter, r *http.Request, l *lookup, f *flight, param string) {
	fill := &fill{
		handler: h, request: r, ctx: r.Context(), key: l.key, tags: l.tags, flight: f, status: statusForward + l.why + param,
		stale: l.stale, directives: l.directives, outcome: Miss,
	}
	defer func() { h.observe(r, fill.outcome) }() // also of a handler that panics
	if f == nil {
		fill.stamps = h.store.tags.stamp(l.tags)
	} else {
		var stop func()
		fill.stamps = f.stamps
		fill.ctx, stop = h.store.flights.watch(r.Context(), f)
		defer stop()
		// A handler that panics, or ends its goroutine, lands here.
		defer fill.land(nil, false)
	}
	if fill.serveRemote(w) {
		return
	}
	fill.put(w)
}

// upstreamRequest asks for the whole answer, whatever part the client has.
func (f *fill) upstreamRequest() *http.Request {
	r := f.request.WithContext(f.withFailure(f.ctx))
	r.Method = http.MethodGet
	r.Header = r.Header.Clone()
	for _, name := range []string{"If-None-Match", "If-Modified-Since", rfc9111.AcceptEncoding, "Te"} {
		delete(r.Header, name)
	}
	f.condition(r.Header)
	return r
}

// store keeps a whole answer and lands the flight. It reports false where the
// answer was purged since it was asked for, or is too large.
func (f *fill) store(v *variant) bool {
	store := f.handler.store
	if v.failure = f.failure; !rfc9111.IsNegative(v.status) {
		v.failure = nil
	}
	switch {
	case v.weight > store.opts.MaxEntryBytes:
		f.handler.event(f.request, AnswerTooLarge)
		f.land(nil, false)
	case !store.tags.current(f.stamps):
		f.land(nil, true)
	default:
		store.put(f.key, v)
		f.second.share(v)
		f.land(v, false)
		f.kept = true
		return true
	}
	return false
}

// land tells those who wait. Only the first call counts.
func (f *fill) land(v *variant, purged bool) {
	f.second.release(false)
	if f.flight != nil {
		f.handler.store.flights.land(f.flight, v, purged)
	}
}
