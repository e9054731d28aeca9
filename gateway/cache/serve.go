package cache

import (
	"net/http"
	"strconv"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// responder sends stored responses to clients.
type responder struct{ *route }

// serve sends a response as it was stored. status is the Cache-Status, to which
// withTTL adds the time left.
func (s responder) serve(w http.ResponseWriter, r *http.Request, v *memory.Response, status string, withTTL bool, now time.Time) {
	setAge(w.Header(), v, status, withTTL, now)
	if v.Failure != nil {
		control(s).declareStored(w.Header(), w.Header()[cacheControl], r, v)
		s.rule.OnError(w, r, v.Failure)
		return
	}
	s.send(w, r, v, v.Plain())
}

// serveStored sends a response from memory, in the encoding that the client likes
// best.
func (s responder) serveStored(w http.ResponseWriter, r *http.Request, k memory.Key, v *memory.Response, status string, now time.Time) {
	if v.Failure != nil {
		s.serve(w, r, v, status, true, now)
		return
	}
	header := w.Header()
	p := encodings(s).choose(header, r, k, v)
	setAge(header, v, status, true, now)
	s.send(w, r, v, p)
}

// serveStale sends a stale response in place of one of the failed status.
func (s responder) serveStale(w http.ResponseWriter, r *http.Request, v *memory.Response, failed int, param string) {
	s.serve(w, r, v, statusFailed+strconv.Itoa(failed)+param+paramStaleError, true, time.Now())
}

// send writes the response, or that the client has it already. A client may have
// it in another encoding: the tags of all name the same response.
func (s responder) send(w http.ResponseWriter, r *http.Request, v *memory.Response, p memory.Representation) {
	header := w.Header()
	set := header[cacheControl]
	unchanged := v.Status == http.StatusOK && rfc9111.NotModified(r.Header, p.ETag, v.Modified)
	if !unchanged && p.ETag != v.ETag && v.Status == http.StatusOK && rfc9111.NotModified(r.Header, v.ETag, v.Modified) {
		p, unchanged = v.Plain(), true
	}
	for i := range p.Fields {
		if !unchanged || !p.Fields[i].AboutBody {
			p.Fields[i].SetIn(header)
		}
	}
	control(s).declareStored(header, set, r, v)
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(v.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.Body) // the client has gone, if anything
	}
}
