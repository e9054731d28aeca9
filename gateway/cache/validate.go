package cache

import (
	"net/http"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// paramUnchanged tells that the upstream has answered 304.
const paramUnchanged = "; fwd-status=304"

// condition asks the upstream whether what is stored still holds (RFC 9111,
// section 4.3.1), where the upstream itself has named its version: it does not
// know the tags that are made here.
func (f *fill) condition(header http.Header) {
	v := f.stale
	f.conditional, f.byTag = false, false
	switch {
	case f.insists, v == nil, rfc9111.IsNegative(v.status), !f.handler.store.tags.current(v.stamps): // a purge says that it does not
	case v.etag != "" && v.etag != entityTag(v.body):
		f.conditional, f.byTag = true, true
		header["If-None-Match"] = []string{v.etag}
	case !v.modified.IsZero():
		f.conditional = true
		header["If-Modified-Since"] = []string{v.modified.UTC().Format(http.TimeFormat)}
	}
}

// put asks the upstream and answers w. It asks again, without a condition, where
// the upstream says of another version that it has not changed.
func (f *fill) put(w http.ResponseWriter) *recorder {
	for {
		f.asked = time.Now()
		recorder := &recorder{ResponseWriter: w, fill: f, header: make(http.Header)}
		f.handler.next.ServeHTTP(recorder, f.upstreamRequest())
		if recorder.state != mistaken {
			recorder.finish()
			return recorder
		}
		f.insists = true
	}
}

// freshen makes a 304 the whole answer that is stored, with what the 304 has
// that is newer (RFC 9111, section 4.3.4). What describes the body stays.
func (w *recorder) freshen() bool {
	v := w.fill.stale
	update := rfc9111.Canonical(w.header)
	tag := update.Get("Etag")
	if w.fill.byTag && tag != "" && !rfc9111.WeakMatch(tag, v.etag) {
		return false
	}
	stored := make(http.Header, len(v.fields)+len(update))
	for i := range v.fields {
		stored[v.fields[i].name] = v.fields[i].values
	}
	w.answer = rfc9111.Validated(stored, update, w.fill.byTag)
	w.status, w.body, w.freshened = http.StatusOK, v.body, true
	w.fill.status += paramUnchanged
	return true
}
