package telemetry

import (
	"bufio"
	"net"
	"net/http"
)

// answer passes an answer on and remembers its status and size. It is the only
// writer that the steps around the whole gateway need: recovery asks Began.
type answer struct {
	http.ResponseWriter
	status int // 0: not begun
	bytes  int64
}

// Began tells whether the answer has begun, so that its status can no longer
// change.
func (a *answer) Began() bool { return a.status != 0 }

// begin notes the final status; later ones change nothing.
func (a *answer) begin(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// WriteHeader passes a status on. Informational ones begin no answer, except
// that 101 is the last word of HTTP on its connection.
func (a *answer) WriteHeader(status int) {
	a.ResponseWriter.WriteHeader(status) // first, as it panics on an invalid one
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		a.begin(status)
	}
}

// Write passes a part of the body on.
func (a *answer) Write(b []byte) (int, error) {
	a.begin(http.StatusOK)
	n, err := a.ResponseWriter.Write(b)
	a.bytes += int64(n)
	return n, err
}

// FlushError serves http.ResponseController.
func (a *answer) FlushError() error {
	err := http.NewResponseController(a.ResponseWriter).Flush()
	if err == nil {
		a.begin(http.StatusOK)
	}
	return err
}

// Flush serves handlers that look for an http.Flusher.
func (a *answer) Flush() { _ = a.FlushError() }

// Hijack takes the connection over.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.begin(http.StatusSwitchingProtocols)
	}
	return conn, buffer, err
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
