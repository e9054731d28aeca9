package telemetry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/netip"
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
var lines = sync.Pool{New: func() any { return new(jsonLine) }}

// longestLine bounds the room that is kept.
const longestLine = 4 << 10

// writeLine writes the line that slog.JSONHandler would make of the record.
func writeLine(to lineWriter, level slog.Level, e *entry) {
	line := lines.Get().(*jsonLine)
	line.begin(e.now, level)
	e.tell(line)
	line.b = append(line.b, '}')
	_ = to.WriteLine(level, line.b) // slog has nobody to tell, either
	if cap(line.b) <= longestLine {
		lines.Put(line)
	}
}

// jsonLine makes a line of JSON of fields.
type jsonLine struct{ b []byte }

func (l *jsonLine) begin(now time.Time, level slog.Level) {
	l.b = append(l.b[:0], `{"time":"`...)
	l.b = now.AppendFormat(l.b, time.RFC3339Nano)
	l.b = append(l.b, `","level":"`...)
	l.b = append(l.b, level.String()...)
	l.b = append(l.b, `","msg":"request"`...)
}

// key begins a field. Keys hold nothing to escape.
func (l *jsonLine) key(name string) {
	l.b = append(l.b, `,"`...)
	l.b = append(l.b, name...)
	l.b = append(l.b, `":`...)
}

func (l *jsonLine) text(key, value string) {
	l.key(key)
	l.b = appendText(l.b, value)
}

func (l *jsonLine) address(key string, value netip.Addr) {
	l.key(key)
	l.b = append(value.AppendTo(append(l.b, '"')), '"')
}

func (l *jsonLine) digest(key string, value []byte) {
	l.key(key)
	l.b = append(base64.RawURLEncoding.AppendEncode(append(l.b, '"'), value), '"')
}

func (l *jsonLine) number(key string, value int64) {
	l.key(key)
	l.b = strconv.AppendInt(l.b, value, 10)
}

func (l *jsonLine) seconds(key string, value time.Duration) { l.ratio(key, secondsOf(value)) }

func (l *jsonLine) ratio(key string, value float64) {
	l.key(key)
	l.b = appendFloat(l.b, value)
}

// secondsOf returns a duration as all of our lines tell it: in seconds, to the
// microsecond.
func secondsOf(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }

// appendFloat writes a number as encoding/json does.
func appendFloat(b []byte, f float64) []byte {
	if f == 0 || 1e-6 <= f && f < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	text, err := json.Marshal(f)
	if err != nil { // no number
		return append(b, "null"...)
	}
	return append(b, text...)
}

// appendText appends text as a JSON string.
func appendText(b []byte, text string) []byte {
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
