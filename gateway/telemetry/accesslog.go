package telemetry

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// accessLog writes one line for each request. It hands its records to the
// handler itself: a slog.Logger would look up the line of code that logs, which
// is always the same.
type accessLog struct {
	handler slog.Handler
	lines   lineWriter // the handler, where it takes lines; else nil
	strays  strays
}

// newAccessLog returns nil without a logger.
func newAccessLog(o Options) *accessLog {
	if o.Logger == nil {
		return nil
	}
	lines, _ := o.Logger.Handler().(lineWriter)
	return &accessLog{handler: o.Logger.Handler(), lines: lines}
}

// entry is the line of a request.
type entry struct {
	*Ended
	leftOut int64
	ratio   float64 // below 1: the share of lines like this that is written
}

// write logs a request that ended now.
func (l *accessLog) write(ctx context.Context, ended *Ended) {
	if l == nil {
		return
	}
	e := entry{Ended: ended}
	level := e.level()
	if !l.handler.Enabled(ctx, level) || !l.admit(&e) {
		return
	}
	if l.lines != nil {
		writeLine(l.lines, level, &e)
		return
	}
	record := slog.NewRecord(e.now, level, "request", 0)
	to := attributes.Get().(*attributeList)
	to.all = to.all[:0]
	e.tell(to)
	record.AddAttrs(to.all...) // it copies them
	attributes.Put(to)
	_ = l.handler.Handle(ctx, record) // slog has nobody to tell, either
}

// admit reports whether a request has a line, and notes which others have none.
func (l *accessLog) admit(e *entry) bool {
	var written bool
	if isStray(e.status, e.route) {
		e.ratio = 1
		e.leftOut, written = l.strays.log(e.now)
		return written
	}
	e.ratio, written = e.access.share(e.Ended)
	return written
}

// level is WARN for what an operator should look at.
func (e *entry) level() slog.Level {
	switch {
	case e.left:
		return slog.LevelInfo
	case e.status >= http.StatusInternalServerError, !e.q.returned, e.q.record.streamFailed():
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
