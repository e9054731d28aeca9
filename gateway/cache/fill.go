package cache

import (
	"context"
	"net/http"
	"time"
)

// fill is one question to the upstream.
type fill struct {
	handler *handler
	request *http.Request // the client's
	ctx     context.Context
	key     key
	stamps  []stamp
	flight  *flight // nil: nobody waits for it
	asked   time.Time
	status  string // the Cache-Status so far

	fallback   *variant // stands in for a failure; nil: nothing does
	directives directives
	outcome    Outcome
}

// ask puts the request to the upstream, for all who wait for f.
func (h *handler) ask(w http.ResponseWriter, r *http.Request, l *lookup, f *flight, param string) {
	fill := &fill{
		handler: h, request: r, ctx: r.Context(), key: l.key, flight: f, status: statusForward + l.why + param,
		fallback: l.fallback, directives: l.directives, outcome: Miss,
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
	fill.asked = time.Now()
	recorder := &recorder{ResponseWriter: w, fill: fill, header: make(http.Header)}
	h.next.ServeHTTP(recorder, fill.upstreamRequest())
	recorder.finish()
}

// upstreamRequest asks for the whole answer, whatever part the client has.
func (f *fill) upstreamRequest() *http.Request {
	r := f.request.WithContext(f.ctx)
	r.Method = http.MethodGet
	r.Header = r.Header.Clone()
	for _, name := range []string{"If-None-Match", "If-Modified-Since", acceptEncoding, "Te"} {
		delete(r.Header, name)
	}
	return r
}

// store keeps a whole answer and lands the flight. It reports false where the
// answer was purged since it was asked for, or is too large.
func (f *fill) store(v *variant) bool {
	store := f.handler.store
	switch {
	case v.weight > store.opts.MaxEntryBytes:
		f.land(nil, false)
	case !store.tags.current(f.stamps):
		f.land(nil, true)
	default:
		store.put(f.key, v)
		f.land(v, false)
		return true
	}
	return false
}

// land tells those who wait. Only the first call counts.
func (f *fill) land(v *variant, purged bool) {
	if f.flight != nil {
		f.handler.store.flights.land(f.flight, v, purged)
	}
}
