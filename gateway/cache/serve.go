package cache

import (
	"net/http"
	"strconv"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// serve answers with a variant as it was stored. status is the Cache-Status, to
// which hits add the time left.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, v *variant, status string, hit bool, now time.Time) {
	v.setStatus(w.Header(), status, hit, now)
	if v.failure != nil {
		h.rule.OnError(w, r, v.failure)
		return
	}
	v.plain().send(w, r, v)
}

// serveStored answers from the store, in the encoding that the client likes best.
func (h *handler) serveStored(w http.ResponseWriter, r *http.Request, l *lookup, v *variant, status string, now time.Time) {
	if v.failure != nil {
		h.serve(w, r, v, status, true, now)
		return
	}
	header := w.Header()
	p := h.represent(header, r, l.key, v)
	v.setStatus(header, status, true, now)
	p.send(w, r, v)
}

// representation is what is sent of a variant: its plain bytes or others.
type representation struct {
	fields []field
	body   []byte
	etag   string
}

func (v *variant) plain() representation {
	return representation{v.fields, v.body, v.etag}
}

// send writes the answer, or that the client has it already. A client may have
// it in another encoding: the tags of all name the same answer.
func (p representation) send(w http.ResponseWriter, r *http.Request, v *variant) {
	header := w.Header()
	unchanged := !rfc9111.IsNegative(v.status) && rfc9111.NotModified(r.Header, p.etag, v.modified)
	if !unchanged && p.etag != v.etag && !rfc9111.IsNegative(v.status) && rfc9111.NotModified(r.Header, v.etag, v.modified) {
		p, unchanged = v.plain(), true
	}
	for i := range p.fields {
		if !unchanged || !p.fields[i].aboutBody {
			p.fields[i].setIn(header)
		}
	}
	if unchanged {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(max(v.status, http.StatusOK))
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.body) // the client has gone, if anything
	}
}

// setStatus sets Age and Cache-Status. What hits say changes once a second and
// is shared until then.
func (v *variant) setStatus(h http.Header, status string, hit bool, now time.Time) {
	age := int64(v.Age(now) / time.Second)
	if status != statusHit || v.live == nil {
		setShown(h, v.show(age, status, hit))
		return
	}
	current := v.live.shown.Load()
	if current == nil || current.age != age {
		current = v.show(age, status, hit)
		v.live.shown.Store(current)
	}
	setShown(h, current)
}

// show writes both fields with one string.
func (v *variant) show(age int64, status string, hit bool) *shown {
	var buffer [96]byte
	b := strconv.AppendInt(buffer[:0], age, 10)
	digits := len(b)
	b = append(b, status...)
	if hit {
		b = append(b, "; ttl="...)
		b = strconv.AppendInt(b, int64(v.Lifetime/time.Second)-age, 10)
	}
	text := string(b)
	return &shown{age: age, values: [2]string{text[:digits], text[digits:]}}
}

func setShown(h http.Header, s *shown) {
	h["Age"] = s.values[0:1:1]
	rfc9111.SetField(h, cacheStatus, s.values[1:2:2], true)
}
