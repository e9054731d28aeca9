// Package responsewriter watches a response on its way to the client. It is for
// middleware that wants to know of a response, or to act before it begins, and
// changes nothing of it.
//
// Middleware that holds a response back or rewrites it has states of its own,
// and embeds http.ResponseWriter itself.
package responsewriter

import (
	"bufio"
	"net"
	"net/http"
	"sync/atomic"
)

// Watcher passes a response on and remembers what of it has left. It is an
// http.Flusher and serves http.ResponseController; it has no ReadFrom, so that
// each byte of a body is counted. Like every ResponseWriter it is for one
// goroutine at a time. Its zero value needs a ResponseWriter.
type Watcher struct {
	http.ResponseWriter
	// OnBegin, if set, is called once, with the status of the final response and
	// before anything of it is passed on: 200 where the handler names none, 101
	// where the connection is taken over. It may still change the header.
	OnBegin func(status int)
	// Closing, if set and true when the final response begins, has it announce
	// the end of its connection. A connection that is taken over is nobody's to
	// announce.
	Closing *atomic.Bool

	status   int
	bytes    int64
	told     bool
	streamed bool
	err      error
}

// Status returns the status of the final response; 0 while it has not begun.
// Informational responses (RFC 9110, section 15.2) begin none, except that 101
// is the last word of HTTP on its connection.
func (w *Watcher) Status() int { return w.status }

// Began reports whether the final response has begun, so that its status can no
// longer change.
func (w *Watcher) Began() bool { return w.status != 0 }

// Bytes returns how much of the body was passed on.
func (w *Watcher) Bytes() int64 { return w.bytes }

// Streamed reports whether the handler has asked to flush or to take over the
// connection, whatever came of it.
func (w *Watcher) Streamed() bool { return w.streamed }

// Err returns the first error of a Write, or nil.
func (w *Watcher) Err() error { return w.err }

// Unwrap serves http.ResponseController.
func (w *Watcher) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader passes a status on.
func (w *Watcher) WriteHeader(status int) {
	final := status >= http.StatusOK || status == http.StatusSwitchingProtocols
	if final {
		w.tell(status)
	}
	w.ResponseWriter.WriteHeader(status) // it panics on a status that is none: the response has not begun then
	if final {
		w.begin(status)
	}
}

// Write passes a part of the body on.
func (w *Watcher) Write(p []byte) (int, error) {
	w.tell(http.StatusOK)
	w.begin(http.StatusOK)
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// Flush serves handlers that look for an http.Flusher.
func (w *Watcher) Flush() { _ = w.FlushError() }

// FlushError serves http.ResponseController.
func (w *Watcher) FlushError() error {
	w.streamed = true
	w.tell(http.StatusOK)
	err := http.NewResponseController(w.ResponseWriter).Flush()
	if err == nil {
		w.begin(http.StatusOK)
	}
	return err
}

// Hijack serves http.ResponseController.
func (w *Watcher) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.streamed = true
	w.tell(http.StatusSwitchingProtocols)
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.begin(http.StatusSwitchingProtocols)
	}
	return conn, buffered, err
}

// tell calls OnBegin once.
func (w *Watcher) tell(status int) {
	if w.told {
		return
	}
	w.told = true
	if status != http.StatusSwitchingProtocols {
		w.AnnounceClosing()
	}
	if w.OnBegin != nil {
		w.OnBegin(status)
	}
}

// AnnounceClosing announces the end of the connection if it is due, for a
// response that its handler leaves to net/http to write. The field is
// HTTP/1.1's; HTTP/2 in net/http sends GOAWAY in its place.
func (w *Watcher) AnnounceClosing() {
	if w.Closing != nil && w.Closing.Load() {
		w.Header()["Connection"] = closing
	}
}

// closing is shared by all responses; an Add finds no room and copies.
var closing = []string{"close"}

// begin remembers the status; later ones change nothing.
func (w *Watcher) begin(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Unbound lets a response take its time where the process bounds that: a stream is
// not slow because its client is.
func Unbound(w http.ResponseWriter) {
	for w != nil {
		if bounded, ok := w.(interface{ Unbound() }); ok {
			bounded.Unbound()
			return
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = inner.Unwrap()
	}
}
