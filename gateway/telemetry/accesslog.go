package telemetry

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// accessLog writes one line for each request. It hands its records to the
// handler itself: a slog.Logger would look up the line of code that logs, which
// is always the same.
type accessLog struct {
	handler slog.Handler
	lines   lineWriter // the handler, where it takes lines; else nil
	options func() *AccessLog
	strays  strays
}

// newAccessLog returns nil without a logger.
func newAccessLog(o Options) *accessLog {
	if o.Logger == nil {
		return nil
	}
	options := o.Access
	if options == nil {
		all, _ := NewAccessLog(AccessOptions{}) // the zero value has no fault
		options = func() *AccessLog { return all }
	}
	lines, _ := o.Logger.Handler().(lineWriter)
	return &accessLog{handler: o.Logger.Handler(), lines: lines, options: options}
}

// write logs a request that ended now.
func (l *accessLog) write(ctx context.Context, q *Request, route *Route, r *http.Request, now time.Time) {
	if l == nil {
		return
	}
	e := ending{q: q, r: r, route: route, now: now, status: q.status(), calls: q.ctx.Calls().SoFar(now), facts: q.facts.told(), access: l.options()}
	e.error = e.errorType()
	level := e.level()
	if !l.handler.Enabled(ctx, level) || !l.admit(&e) {
		return
	}
	if l.lines != nil {
		writeLine(l.lines, level, &e)
		return
	}
	record := slog.NewRecord(now, level, "request", 0)
	to := attributes.Get().(*attributeList)
	to.all = to.all[:0]
	e.tell(to)
	record.AddAttrs(to.all...) // it copies them
	attributes.Put(to)
	_ = l.handler.Handle(ctx, record) // slog has nobody to tell, either
}

// admit reports whether a request has a line, and notes which others have none.
func (l *accessLog) admit(e *ending) bool {
	var written bool
	if isStray(e.status, e.route) {
		e.ratio = 1
		e.leftOut, written = l.strays.log(e.now)
		return written
	}
	e.ratio, written = e.access.share(e)
	return written
}

// errorType returns error.type: why a request did not end well, or "".
func (e *ending) errorType() string {
	failed := e.facts.failure
	switch {
	case e.clientLeft():
		e.left = true
		return errorClientLeft
	case failed.code != codes.OK:
		return failed.kind
	case !e.q.returned:
		return errorAborted
	default:
		return ""
	}
}

// clientLeft reports whether the client did not wait for its response, or did not
// take it: the server ends the request's context then, or a write has failed.
func (e *ending) clientLeft() bool {
	if e.q.response.Err() != nil {
		return true
	}
	ctx := e.r.Context()
	if ctx.Err() == nil || !errors.Is(context.Cause(ctx), context.Canceled) {
		return false
	}
	return e.facts.failure.code == codes.Canceled || !e.q.response.Began()
}

// level is WARN for what an operator should look at.
func (e *ending) level() slog.Level {
	failed := e.facts.failure
	switch {
	case e.left:
		return slog.LevelInfo
	case e.status >= http.StatusInternalServerError, !e.q.returned, e.calls.Stream && serverError(failed.code):
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}

// attributeList makes slog's attributes of fields. The room is kept between requests.
type attributeList struct{ all []slog.Attr }

// mostAttributes is how many a line can have.
const mostAttributes = 40

var attributes = sync.Pool{New: func() any { return &attributeList{make([]slog.Attr, 0, mostAttributes)} }}

func (l *attributeList) text(key, value string) { l.all = append(l.all, slog.String(key, value)) }

func (l *attributeList) digest(key string, value []byte) {
	l.text(key, base64.RawURLEncoding.EncodeToString(value))
}

func (l *attributeList) number(key string, value int64) {
	l.all = append(l.all, slog.Int64(key, value))
}

func (l *attributeList) ratio(key string, value float64) {
	l.all = append(l.all, slog.Float64(key, value))
}

func (l *attributeList) seconds(key string, value time.Duration) {
	l.ratio(key, secondsOf(value))
}

func (l *attributeList) address(key string, value netip.Addr) { l.text(key, value.String()) }
