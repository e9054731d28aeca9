package cache

import (
	"bufio"
	"net"
	"net/http"
	"strings"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// recorder is the ResponseWriter of a handler that is asked for an answer. It
// keeps what the handler sets apart from what is set further out. An answer that
// may be stored is held back until it is whole; any other is passed on as it
// comes.
type recorder struct {
	http.ResponseWriter
	fill   *fill
	header http.Header // the handler's
	state  state
	status int
	answer http.Header // header when the status was written
	plan   plan
	body   []byte
	silent bool // no body is sent

	freshened bool // the body is the stored one
}

type state int

const (
	waiting  state = iota // for the status
	holding               // an answer that may be stored
	passing               // an answer that may not
	replaced              // by a stale answer, as it is a failure
	mistaken              // it is said of another version that it has not changed
	hijacked              // there is no answer
)

// Unwrap serves http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	// Informational answers are optional, and not for those who wait.
	if w.state != waiting || status/100 == 1 {
		return
	}
	w.status = status
	if w.fill.replaced(status) {
		w.state = replaced
		return
	}
	if status == http.StatusNotModified && w.fill.conditional {
		if !w.freshen() {
			w.state = mistaken
			return
		}
	} else {
		w.answer = rfc9111.Canonical(w.header)
	}
	rfc9111.AddVary(w.answer, w.fill.handler.vary)
	var ok bool
	if w.plan, ok = w.fill.handler.plan(w.fill.request, w.status, w.answer, w.fill.asked); ok {
		w.state = holding
		return
	}
	w.pass()
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.freshened || w.state == mistaken {
		return 0, http.ErrBodyNotAllowed
	}
	if w.state == holding {
		if int64(len(w.body)+len(p)) <= w.fill.handler.store.opts.MaxEntryBytes {
			w.body = append(w.body, p...)
			return len(p), nil
		}
		w.fill.handler.event(w.fill.request, AnswerTooLarge)
		w.pass()
	}
	if w.silent || w.state == replaced {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// Flush serves handlers that look for an http.Flusher.
func (w *recorder) Flush() { _ = w.FlushError() }

// FlushError passes on what is held: a handler that flushes is streaming.
func (w *recorder) FlushError() error {
	w.WriteHeader(http.StatusOK)
	switch w.state {
	case holding:
		w.pass()
	case replaced, mistaken:
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack serves http.ResponseController. Nothing is stored then.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.state = hijacked
		w.fill.land(nil, false)
	}
	return conn, buffered, err
}

// pass sends what is held, and from here on everything at once. Those who wait
// are told first: they must not wait for this client to read.
func (w *recorder) pass() {
	w.state = passing
	w.fill.land(nil, false)
	held := w.body
	w.body = nil
	w.send(w.status, "")
	if len(held) > 0 && !w.silent {
		_, _ = w.ResponseWriter.Write(held) // the handler's next write fails too
	}
}

// send writes the header of the answer to this client.
func (w *recorder) send(status int, param string) {
	outer := w.ResponseWriter.Header()
	modified, _ := http.ParseTime(w.answer.Get("Last-Modified"))
	unchanged := status == http.StatusOK && rfc9111.NotModified(w.fill.request.Header, w.answer.Get("Etag"), modified)
	for name, values := range w.answer {
		if !unchanged || !rfc9111.IsAboutBody(name) {
			rfc9111.SetField(outer, name, values, rfc9111.IsList(name))
		}
	}
	addStatus(outer, w.fill.status+param)
	w.silent = unchanged || w.fill.request.Method == http.MethodHead
	if unchanged {
		status = http.StatusNotModified
	}
	w.ResponseWriter.WriteHeader(status)
}

// finish is called when the handler has returned.
func (w *recorder) finish() {
	switch w.state {
	case waiting:
		w.fill.land(nil, false)
		outer := w.ResponseWriter.Header()
		for name, values := range w.header {
			rfc9111.SetField(outer, name, values, rfc9111.IsList(name))
		}
		addStatus(outer, w.fill.status) // net/http writes the rest
	case passing:
		w.sendTrailers()
	case holding:
		if w.whole() {
			w.store()
		} else {
			w.sendTrailers() // before the header, so that it can allow for them
			w.pass()
		}
	case replaced:
		w.fill.serveStale(w.ResponseWriter, w.status)
	case mistaken, hijacked:
	}
}

// whole reports whether the held answer is all that the handler meant to say.
func (w *recorder) whole() bool {
	for name := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return false
		}
	}
	declared := rfc9111.ContentLength(w.answer)
	return w.fill.ctx.Err() == nil && (declared < 0 || declared == int64(len(w.body)))
}

func (w *recorder) store() {
	v := newVariant(w.answer, w.body, w.plan, w.fill.key, w.fill.stamps)
	param := ""
	if w.fill.store(v) {
		param = paramStored
	}
	w.send(w.status, param)
	if !w.silent {
		_, _ = w.ResponseWriter.Write(v.body) // the client has gone, if anything
	}
}

// sendTrailers passes on what the handler has set after the header was sent.
func (w *recorder) sendTrailers() {
	declared := strings.Join(w.answer["Trailer"], ",")
	for name, values := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) || rfc9111.NamesField(declared, name) {
			w.ResponseWriter.Header()[name] = values
		}
	}
}
