package telemetry

import (
	"context"
	"log/slog"
	"net/http"
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
func newAccessLog(logger *slog.Logger) *accessLog {
	if logger == nil {
		return nil
	}
	lines, _ := logger.Handler().(lineWriter)
	return &accessLog{handler: logger.Handler(), lines: lines}
}

// write logs a request that ended now.
func (l *accessLog) write(ctx context.Context, q *Request, route *Route, r *http.Request, now time.Time) {
	if l == nil {
		return
	}
	level := slog.LevelInfo
	if q.status() >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	if !l.handler.Enabled(ctx, level) {
		return
	}
	leftOut := int64(0)
	if isStray(q.status(), route) {
		var logged bool
		if leftOut, logged = l.strays.log(now); !logged {
			return
		}
	}
	if l.lines != nil {
		writeLine(ctx, l.lines, level, now, q, route, r, leftOut)
		return
	}
	record := slog.NewRecord(now, level, "request", 0)
	addRequest(ctx, &record, q, route, r)
	if leftOut > 0 {
		record.AddAttrs(slog.Int64(leftOutKey, leftOut))
	}
	_ = l.handler.Handle(ctx, record) // slog has nobody to tell, either
}

// addRequest describes the request. The record takes all attributes at once, so
// that it makes room for them once.
func addRequest(ctx context.Context, record *slog.Record, q *Request, route *Route, r *http.Request) {
	const most = 10
	attributes := append(make([]slog.Attr, 0, most),
		slog.String("request_id", q.id),
		slog.String("http.request.method", r.Method),
		slog.String("url.path", r.URL.Path),
		slog.Int("http.response.status_code", q.status()), // 0: cut before a response
		slog.Int64("http.response.body.size", q.response.Bytes()),
		slog.Duration("duration", record.Time.Sub(q.start)),
		slog.String("client.address", r.RemoteAddr),
	)
	if route.template != "" {
		attributes = append(attributes, slog.String("http.route", route.template))
	}
	if route.rpcMethod != "" {
		attributes = append(attributes, slog.String("rpc.method", route.rpcMethod))
	}
	if id := TraceID(ctx); id != "" {
		attributes = append(attributes, slog.String("trace_id", id))
	}
	record.AddAttrs(attributes...)
}
