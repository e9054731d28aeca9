package compression

import (
	"bufio"
	"errors"
	"maps"
	"net"
	"net/http"
)

// sniffBytes are what http.DetectContentType looks at.
const sniffBytes = 512

var errEnded = errors.New("compression: the handler has returned")

// writer is the ResponseWriter of one response.
type writer struct {
	http.ResponseWriter
	compressor *compressor

	// the request's part
	preferences   preferences
	coding        Coding   // that the response may have
	noneMatch     []string // If-None-Match of a GET or HEAD
	head          bool
	unlessPrivate bool

	// the response's part
	state    state
	status   int
	found    fields
	declared int64 // Content-Length of the plain response, or -1
	written  int64 // of the plain response, while it is held or compressed
	typed    bool
	sniffed  string
	held     *held
	encoder  encoder   // nil for HEAD
	vary     [1]string // the field's values, without an allocation
	encoding [1]string
}

type state int

const (
	waiting     state = iota // for the status
	holding                  // until the body is long enough
	passing                  // the plain response
	compressing              // the other one
	ended
)

// held is a response that is too short yet.
type held struct {
	header http.Header // when the handler wrote the status
	body   []byte
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	switch w.state {
	case waiting:
		if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
			w.begin(status)
			return
		}
		w.ResponseWriter.WriteHeader(status) // informational
	case passing, compressing:
		w.ResponseWriter.WriteHeader(status) // one too many, which the server logs
	case holding, ended:
	}
}

// begin decides as far as status and header allow.
func (w *writer) begin(status int) {
	h := w.Header()
	w.status, w.declared, w.found = status, -1, canonicalize(h)
	if w.found&contentLength != 0 {
		w.declared = declaredLength(h)
	}
	_, w.typed = h["Content-Type"]
	if status == http.StatusNotModified {
		w.nameTag(h)
	}
	v := w.judge(h)
	if v != never {
		w.addVary(h)
	}
	switch {
	case v != candidate:
		w.send(passing)
	case w.declared >= 0 && w.typed:
		w.send(compressing)
	default:
		w.hold(h)
	}
}

func (w *writer) hold(h http.Header) {
	w.state = holding
	var ok bool
	if w.held, ok = w.compressor.held.Get().(*held); !ok {
		w.held = &held{header: make(http.Header), body: make([]byte, 0, w.compressor.options.MinBytes+sniffBytes)}
	}
	maps.Copy(w.held.header, h)
}

func (w *writer) Write(p []byte) (int, error) {
	w.begun()
	switch w.state {
	case passing:
		return w.ResponseWriter.Write(p)
	case ended:
		return 0, errEnded
	}
	if w.declared >= 0 && w.written+int64(len(p)) > w.declared {
		return 0, http.ErrContentLength // as the server would say
	}
	w.written += int64(len(p))
	if w.state == compressing {
		return w.write(p)
	}
	if w.written < int64(w.compressor.options.MinBytes) {
		w.held.body = append(w.held.body, p...)
		return len(p), nil
	}
	if w.fit(p) {
		return w.release(compressing, p)
	}
	return w.release(passing, p)
}

// begun gives a response without a status its 200.
func (w *writer) begun() {
	if w.state == waiting {
		w.WriteHeader(http.StatusOK)
	}
}

// fit looks for the media type of what is held, where the handler names none.
func (w *writer) fit(p []byte) bool {
	if w.typed {
		return true
	}
	start := append(w.held.body, p[:min(len(p), sniffBytes)]...)
	w.sniffed = http.DetectContentType(start)
	return compressible(w.sniffed)
}

// release sends what is held, and p.
func (w *writer) release(next state, p []byte) (int, error) {
	w.send(next)
	body := w.held.body
	defer w.letGo()
	if len(body) > 0 {
		if _, err := w.write(body); err != nil {
			return 0, err
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	return w.write(p)
}

func (w *writer) letGo() {
	if w.held == nil {
		return
	}
	clear(w.held.header)
	w.held.body = w.held.body[:0]
	w.compressor.held.Put(w.held)
	w.held = nil
}

// write sends a part of the body.
func (w *writer) write(p []byte) (int, error) {
	if w.state == passing {
		return w.ResponseWriter.Write(p)
	}
	if w.head {
		return len(p), nil
	}
	if w.encoder == nil {
		var err error
		if w.encoder, err = w.compressor.getEncoder(w.coding, w.ResponseWriter); err != nil {
			return 0, err
		}
	}
	return w.encoder.Write(p)
}

// Flush serves handlers that look for an http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// FlushError serves http.ResponseController. A response that is still held is a
// stream of small pieces, and goes out plain.
func (w *writer) FlushError() error {
	w.begun()
	switch {
	case w.state == ended:
		return errEnded
	case w.state == holding:
		if _, err := w.release(passing, nil); err != nil {
			return err
		}
	case w.encoder != nil:
		if err := w.encoder.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack serves http.ResponseController.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.state == holding {
		if _, err := w.release(passing, nil); err != nil {
			return nil, nil, err
		}
	}
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.state, w.encoder = passing, nil
	}
	return conn, buffered, err
}

// finish is called when the handler has returned. It aborts a response that is
// not whole: the server cannot see that it is not.
func (w *writer) finish() {
	switch w.state {
	case holding:
		_, _ = w.release(passing, nil) // the client has gone, if anything
	case compressing:
		if w.head {
			return
		}
		if w.declared > w.written || w.encoder == nil || w.encoder.Close() != nil {
			panic(http.ErrAbortHandler)
		}
		w.compressor.putEncoder(w.coding, w.encoder)
	}
}

// end is called however the handler ends. An encoder that has not been closed
// may be in any state, and is dropped.
func (w *writer) end() {
	w.encoder = nil
	w.letGo()
	if w.state != passing {
		w.state = ended
	}
}
