package cache

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/flight"
	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/internal/panics"
	"github.com/venta-hq/venta/gateway/requestctx"
)

// refresher fetches stale responses in the background.
type refresher struct {
	*route
	finder  finder
	fetcher fetcher
}

// refresh refreshes the stale response in the background, unless that is under
// way, has failed a moment ago or has no place.
func (rf refresher) refresh(r *http.Request, l *lookup, now time.Time) {
	k := memory.Variant{Key: l.key, Vary: rfc9111.VaryKey(r.Header, l.vary)}
	if l.stale.RetryAt().After(now) || rf.store.flights.IsOpen(k) {
		return
	}
	if ok, err := rf.finder.tag(r, l); err != nil || !ok {
		rf.fail(r, l.stale, RefreshFailed)
		return
	}
	if !rf.store.background.reserve() {
		rf.event(r, RefreshSkipped)
		return
	}
	f := rf.store.flights.Lead(k, rf.store.tags.Stamp(l.tags))
	if f == nil {
		rf.store.background.release()
		return
	}
	if rf.store.memory.Stored(l.key, l.stale) == nil { // another refresh has landed since this lookup
		rf.store.flights.Land(f, flight.Outcome{})
		rf.store.background.release()
		return
	}
	x := &exchange{
		route: rf.route, lookup: *l, request: r.Clone(requestctx.Unhurried(context.WithoutCancel(r.Context()))),
		stamps: f.Stamps(), flight: f, status: statusForward + l.why, outcome: Miss,
	}
	x.directives = rfc9111.NoDirectives()
	go rf.run(x)
}

// run fetches for all who come while it does. The request is a copy: the client's
// own ends before.
func (rf refresher) run(x *exchange) {
	defer rf.store.background.release()
	defer x.land(flight.Outcome{})
	event := RefreshPanic // or the handler ends its goroutine
	defer func() {
		cause := recover()
		switch {
		case cause == http.ErrAbortHandler: //nolint:errorlint // net/http compares it so, too
			event = RefreshFailed // the handler's way to say that it broke off
		case cause != nil:
			rf.store.opts.Logger.Error("a refresh of a stored response panicked",
				slog.String("rule", rf.rule.Name), slog.String("panic", panics.Text(cause)), slog.String("stack", string(debug.Stack())))
		}
		if event == Refreshed {
			rf.event(x.request, event)
			return
		}
		rf.fail(x.request, x.stale, event)
	}()
	ctx, cancel := context.WithTimeoutCause(x.request.Context(), rf.store.opts.RefreshTimeout, context.DeadlineExceeded)
	defer cancel()
	defer context.AfterFunc(rf.store.background.ctx, cancel)()
	event = rf.fetch(ctx, x)
}

// fetch is one refresh.
func (rf refresher) fetch(ctx context.Context, x *exchange) Event {
	if !rf.store.tags.Current(x.stale.Stamps) {
		x.land(flight.Outcome{Purged: true}) // those who wait call the upstream themselves
		return Refreshed
	}
	if x.ctx = ctx; rf.fetcher.fromLevel2(nobody{make(http.Header)}, x) {
		return Refreshed
	}
	x.request.Body = http.NoBody
	delete(x.request.Header, "Grpc-Timeout") // it bounded the client's own call
	if rf.fetcher.fromUpstream(nobody{make(http.Header)}, x); x.stored {
		return Refreshed
	}
	return RefreshFailed
}

// fail lets the upstream rest.
func (rf refresher) fail(r *http.Request, v *memory.Response, e Event) {
	v.SetRetryAt(time.Now().Add(rf.store.opts.RefreshPause))
	rf.event(r, e)
}

// nobody is the client of a refresh. It refuses bodies: what is not held back
// to be stored is for nobody.
type nobody struct{ header http.Header }

func (n nobody) Header() http.Header       { return n.header }
func (n nobody) WriteHeader(int)           {}
func (n nobody) Write([]byte) (int, error) { return 0, http.ErrBodyNotAllowed }
