package cache

import (
	"bufio"
	"maps"
	"net"
	"net/http"
	"strings"

	"github.com/venta-hq/venta/gateway/cache/internal/flight"
	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// recorder is the ResponseWriter of an exchange. It holds what the handler sets
// apart from what is set further out. A response that may be stored is held back
// until it is whole; any other is passed on as it comes.
type recorder struct {
	http.ResponseWriter
	exchange *exchange
	header   http.Header // the handler's
	state    state
	status   int
	response http.Header // header when the status was written
	terms    memory.Terms
	body     []byte
	silent   bool // no body is sent

	validated bool // the body is the stored one
}

type state int

const (
	waiting  state = iota // for the status
	holding               // a response that may be stored
	copying               // a response that may be stored, and that is sent while it comes
	passing               // a response that may not
	replaced              // by a stale response, as it is a failure
	refuted               // it is a 304 of another version
	hijacked              // there is no response
)

func newRecorder(w http.ResponseWriter, x *exchange) *recorder {
	return &recorder{ResponseWriter: w, exchange: x, header: make(http.Header)}
}

// Unwrap serves http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.state != waiting {
		return
	}
	if status/100 == 1 {
		w.inform(status)
		return
	}
	x := w.exchange
	w.status = status
	if x.failed(status) {
		w.state = replaced
		return
	}
	w.response = rfc9111.Canonical(w.header)
	if status == http.StatusNotModified && x.condition != unconditional {
		if w.response, w.validated = x.validated(w.response); !w.validated {
			w.state = refuted
			return
		}
		w.status, w.body = x.stale.Status, x.stale.Body
	}
	w.complete()
	var ok bool
	if w.terms, ok = (storability{x.route}).terms(x.request, w.status, w.response, x.requested); ok {
		w.state = holding
		return
	}
	w.passUnstored()
}

// inform passes an informational response on. They are optional, and not for those
// who wait.
func (w *recorder) inform(status int) {
	if !w.exchange.rule.Proxy || status == http.StatusSwitchingProtocols {
		return
	}
	outer := w.ResponseWriter.Header()
	before := outer.Clone()
	setFields(outer, w.header, false)
	w.ResponseWriter.WriteHeader(status)
	clear(outer)
	maps.Copy(outer, before)
}

// complete adds to the response what every response has: what the rule varies on,
// and the date (RFC 9110, section 6.6.1), which net/http would make anew each time.
func (w *recorder) complete() {
	x := w.exchange
	rfc9111.AddVary(w.response, x.route.vary)
	if x.rule.Proxy && len(w.response["Date"]) == 0 {
		w.response["Date"] = []string{x.requested.UTC().Format(http.TimeFormat)}
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.validated || w.state == refuted {
		return 0, http.ErrBodyNotAllowed
	}
	if (w.state == holding || w.state == copying) && w.take(p) {
		return len(p), nil
	}
	if w.silent || w.state == replaced {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// take holds a part of the body back, or a copy of it, so that it can be stored. It
// reports false where that is too large.
func (w *recorder) take(p []byte) bool {
	if int64(len(w.body)+len(p)) > w.exchange.store.opts.MaxEntryBytes {
		w.exchange.event(w.exchange.request, ResponseTooLarge)
		w.passUnstored()
		return false
	}
	w.body = append(w.body, p...)
	if w.state == copying && !w.silent {
		_, _ = w.ResponseWriter.Write(p) // others may wait where the client has gone
	}
	return true
}

// Flush serves handlers that look for an http.Flusher.
func (w *recorder) Flush() { _ = w.FlushError() }

// FlushError passes on what is held: a handler that flushes is streaming, unless it
// is a proxy, which flushes whatever has no length.
func (w *recorder) FlushError() error {
	w.WriteHeader(http.StatusOK)
	switch w.state {
	case holding:
		if w.exchange.rule.Proxy {
			w.state = copying
			w.sendHeld()
			break
		}
		w.passUnstored()
	case replaced, refuted:
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack serves http.ResponseController. Nothing is stored then.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.state = hijacked
		w.exchange.land(flight.Outcome{})
	}
	return conn, buffered, err
}

// finish is called when the handler has returned.
func (w *recorder) finish() {
	switch w.state {
	case waiting:
		w.exchange.supersede(http.StatusOK)
		w.exchange.land(flight.Outcome{})
		outer := w.ResponseWriter.Header()
		setFields(outer, w.header, false)
		addStatus(outer, w.exchange.status) // net/http writes the rest
	case passing:
		w.sendTrailers()
	case holding:
		if w.whole() {
			w.store()
		} else {
			w.sendTrailers() // before the header, so that it can allow for them
			w.pass()
		}
	case copying:
		w.sendTrailers()
		if w.whole() {
			w.exchange.storeResponse(w.made())
		}
		w.exchange.land(flight.Outcome{})
	case replaced:
		w.exchange.serveStale(w.ResponseWriter, w.status)
	case refuted, hijacked:
	}
}

// whole reports whether the held response is all that the handler meant to say.
func (w *recorder) whole() bool {
	for name := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return false
		}
	}
	declared := rfc9111.ContentLength(w.response)
	return w.exchange.ctx.Err() == nil && (declared < 0 || declared == int64(len(w.body)))
}

// store stores the held response, and sends it.
func (w *recorder) store() {
	x := w.exchange
	v := w.made()
	param := ""
	if x.storeResponse(v) {
		param = paramStored
	}
	w.sendHeader(param, v)
	if !w.silent {
		_, _ = w.ResponseWriter.Write(v.Body) // the client has gone, if anything
	}
}

func (w *recorder) made() *memory.Response {
	x := w.exchange
	return memory.NewResponse(w.response, w.body, w.terms, x.key, x.stamps)
}

// passUnstored passes on a response that cannot be stored.
func (w *recorder) passUnstored() {
	w.exchange.supersede(w.status)
	w.exchange.unshare(w.status)
	w.pass()
}

// pass sends what is held, and from here on everything at once. Those who wait
// are told first: they must not wait for this client to read.
func (w *recorder) pass() {
	begun := w.state == copying
	w.state = passing
	w.exchange.land(flight.Outcome{})
	if !begun {
		w.sendHeld()
	}
	w.body = nil
}

// sendHeld sends the header and what is held of the body.
func (w *recorder) sendHeld() {
	w.send("")
	if len(w.body) > 0 && !w.silent {
		_, _ = w.ResponseWriter.Write(w.body) //nolint:gosec // the body is the upstream's; the handler's next write fails too
	}
}

// send writes the header of a response that is not stored to this client.
func (w *recorder) send(param string) { w.sendHeader(param, nil) }

// sendHeader writes the header of the response to this client. v is the response as it
// is stored, or nil.
func (w *recorder) sendHeader(param string, v *memory.Response) {
	x := w.exchange
	outer := w.ResponseWriter.Header()
	set := outer[cacheControl]
	modified, _ := http.ParseTime(w.response.Get("Last-Modified"))
	unchanged := w.status == http.StatusOK && rfc9111.NotModified(x.request.Header, w.response.Get("Etag"), modified)
	setFields(outer, w.response, unchanged)
	addStatus(outer, x.status+param)
	if v != nil {
		control{x.route}.declareStored(outer, set, x.request, v)
	} else {
		control{x.route}.declare(outer, set, x.request, len(w.response[cacheControl]) > 0)
	}
	w.silent = unchanged || x.request.Method == http.MethodHead
	if unchanged {
		w.ResponseWriter.WriteHeader(http.StatusNotModified)
		return
	}
	w.ResponseWriter.WriteHeader(w.status)
}

// sendTrailers passes on what the handler has set after the header was sent.
func (w *recorder) sendTrailers() {
	declared := strings.Join(w.response["Trailer"], ",")
	for name, values := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) || rfc9111.NamesField(declared, name) {
			w.ResponseWriter.Header()[name] = values
		}
	}
}

// setFields sets a handler's header in what is set further out. A 304 has no
// fields about the body.
func setFields(outer, header http.Header, notModified bool) {
	for name, values := range header {
		if !notModified || !rfc9111.IsAboutBody(name) {
			rfc9111.SetField(outer, name, values, rfc9111.IsList(name))
		}
	}
}
