package stream

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// The names of the gateway's own events. A message's event is never called so.
const (
	eventError = "error"
	eventReset = "reset"
	eventEnd   = "end"
	eventDrop  = "dropped"
)

func reserved(name string) bool {
	switch name {
	case eventError, eventReset, eventEnd, eventDrop, "open": // browsers have that one
		return true
	default:
		return false
	}
}

// appendEvent appends an event up to its data, which [appendData] ends.
func appendEvent(to []byte, id, name string) []byte {
	if id != "" && !strings.ContainsAny(id, "\r\n\x00") { // which an id cannot hold
		to = append(append(append(to, "id: "...), id...), '\n')
	}
	if name != "" && !strings.ContainsAny(name, "\r\n") {
		to = append(append(append(to, "event: "...), name...), '\n')
	}
	return append(to, "data: "...)
}

// appendData ends an event whose data begins at that offset of to. JSON on several
// lines gets a field for each: a client joins them.
func appendData(to []byte, begin int) []byte {
	if data := to[begin:]; bytes.ContainsAny(data, "\r\n") {
		lines := bytes.Split(bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n")), []byte("\n"))
		to = append(to[:begin], bytes.Join(lines, []byte("\ndata: "))...)
	}
	return append(to, '\n', '\n')
}

// appendOwn appends an event of the gateway's own.
func appendOwn(to []byte, name string, data []byte) []byte {
	to = appendEvent(to, "", name)
	begin := len(to)
	return appendData(append(to, data...), begin)
}

// appendReset appends the event after which the stream begins anew. Its empty id has a
// client forget the place that nobody knows.
func appendReset(to []byte) []byte {
	return append(to, "event: "+eventReset+"\nid\ndata: {}\n\n"...)
}

func appendRetry(to []byte, after time.Duration) []byte {
	to = append(to, "retry: "...)
	to = strconv.AppendInt(to, after.Milliseconds(), 10)
	return append(to, '\n', '\n')
}
