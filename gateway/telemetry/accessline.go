package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// lineWriter is a slog.Handler that takes lines of JSON as they are, such as
// that of package jsonlog. The access log's lines then need no record.
type lineWriter interface {
	WriteLine(level slog.Level, line []byte) error
}

// lines holds room for one line between requests.
var lines = sync.Pool{New: func() any { return new([]byte) }}

// longestLine bounds the room that is kept.
const longestLine = 4 << 10

// writeLine writes the line that slog.JSONHandler would make of the record.
func writeLine(ctx context.Context, to lineWriter, level slog.Level, now time.Time, q *Request, route *Route, r *http.Request, leftOut int64) {
	room := lines.Get().(*[]byte)
	line := appendLine((*room)[:0], level, now, q, route, r, TraceID(ctx))
	if leftOut > 0 {
		line = append(line[:len(line)-1], `,"`+leftOutKey+`":`...)
		line = append(strconv.AppendInt(line, leftOut, 10), '}')
	}
	_ = to.WriteLine(level, line) // slog has nobody to tell, either
	if cap(line) <= longestLine {
		*room = line
		lines.Put(room)
	}
}

func appendLine(b []byte, level slog.Level, now time.Time, q *Request, route *Route, r *http.Request, traceID string) []byte {
	b = append(b, `{"time":"`...)
	b = now.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"`...)
	b = append(b, level.String()...)
	b = append(b, `","msg":"request","request_id":"`...)
	b = append(b, q.id...) // holds nothing to escape, see validID
	b = append(b, '"')
	b = appendText(b, `,"http.request.method":`, r.Method)
	b = appendText(b, `,"url.path":`, r.URL.Path)
	b = strconv.AppendInt(append(b, `,"http.response.status_code":`...), int64(q.status()), 10)
	b = strconv.AppendInt(append(b, `,"http.response.body.size":`...), q.response.Bytes(), 10)
	b = strconv.AppendInt(append(b, `,"duration":`...), int64(now.Sub(q.start)), 10)
	b = appendText(b, `,"client.address":`, r.RemoteAddr)
	if route.template != "" {
		b = appendText(b, `,"http.route":`, route.template)
	}
	if route.rpcMethod != "" {
		b = appendText(b, `,"rpc.method":`, route.rpcMethod)
	}
	if traceID != "" {
		b = appendText(b, `,"trace_id":`, traceID)
	}
	return append(b, '}')
}

// appendText appends a member of an object: key with its punctuation, and text
// as a JSON string.
func appendText(b []byte, key, text string) []byte {
	b = append(b, key...)
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return appendEscaped(b, text)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}

// appendEscaped is for the few texts that need more than quotes.
func appendEscaped(b []byte, text string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // as slog
	_ = encoder.Encode(text)     // a string and a buffer have no errors
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}
