package cache

import (
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/flight"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// fetcher gets what is not stored here: from level 2, else from the upstream.
type fetcher struct{ *route }

// fetch serves w and all who wait for f, which is nil where nobody does. param is
// added to the Cache-Status.
func (ft fetcher) fetch(w http.ResponseWriter, r *http.Request, l *lookup, f *flight.Flight, param string) {
	x := &exchange{
		route: ft.route, lookup: *l, request: r, ctx: r.Context(), flight: f,
		status: statusForward + l.why + param, outcome: Miss,
	}
	defer func() { ft.report(r, x.outcome) }() // also of a handler that panics
	if f == nil {
		x.stamps = ft.store.tags.Stamp(l.tags)
	} else {
		var stop func()
		x.stamps = f.Stamps()
		x.ctx, stop = ft.store.flights.Watch(r.Context(), f)
		defer stop()
		// A handler that panics, or ends its goroutine, lands here.
		defer x.land(flight.Outcome{})
	}
	if !ft.fromLevel2(w, x) {
		ft.fromUpstream(w, x)
	}
}

// fromLevel2 serves all who wait from level 2, or prepares to share there what
// the upstream will send.
func (ft fetcher) fromLevel2(w http.ResponseWriter, x *exchange) bool {
	x.level2 = newLevel2(ft.route, x.request, &x.lookup, x.stamps)
	v := x.level2.find(x.ctx, x.flight == nil)
	if v == nil {
		if x.level2 != nil && x.stale == nil {
			x.stale = x.level2.stale
		}
		return false
	}
	if ft.store.tags.Current(x.stamps) {
		ft.store.memory.Put(x.variant(x.request, x.key), v, x.request.Header)
		x.land(flight.Outcome{Response: v})
		x.stored = true
	} else {
		x.land(flight.Outcome{Purged: true})
	}
	x.outcome = RemoteHit
	responder(ft).serve(w, x.request, v, statusRemoteHit, true, time.Now())
	return true
}

// fromUpstream calls the upstream and serves w. It calls again, without a condition,
// where the upstream says of another version that it has not changed.
func (ft fetcher) fromUpstream(w http.ResponseWriter, x *exchange) {
	for {
		x.requested = time.Now()
		recorder := newRecorder(w, x)
		ft.next.ServeHTTP(recorder, upstreamRequest(x))
		if recorder.state != refuted {
			recorder.finish()
			return
		}
	}
}

// upstreamRequest requests the whole response, whatever part the client has.
func upstreamRequest(x *exchange) *http.Request {
	r := x.request.WithContext(x.listening())
	r.Method = http.MethodGet
	r.Header = r.Header.Clone()
	for _, name := range []string{"If-None-Match", "If-Modified-Since", rfc9111.AcceptEncoding, "Te"} {
		delete(r.Header, name)
	}
	x.setCondition(r.Header)
	return r
}
