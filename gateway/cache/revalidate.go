package cache

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// setCondition has the upstream say whether what is stored still holds (RFC 9111,
// section 4.3.1), where the upstream itself has named its version: it does not
// know the tags that are made here.
func (x *exchange) setCondition(header http.Header) {
	v := x.stale
	x.condition = unconditional
	if x.refuted || v == nil || v.Status != http.StatusOK || !x.store.tags.Current(v.Stamps) { // a purge says that it does not
		return
	}
	switch etag := v.UpstreamETag(); {
	case etag != "":
		x.condition = byETag
		header["If-None-Match"] = []string{etag}
	case !v.Modified.IsZero():
		x.condition = byDate
		header["If-Modified-Since"] = []string{v.Modified.UTC().Format(http.TimeFormat)}
	}
}

// validated returns the header of the whole response that is stored, updated by
// the upstream's 304 (RFC 9111, section 4.3.4). It reports false where the 304 is
// of another version.
func (x *exchange) validated(update http.Header) (http.Header, bool) {
	tag := update.Get("Etag")
	if x.condition == byETag && tag != "" && !rfc9111.WeakMatch(tag, x.stale.ETag) {
		x.refuted = true
		return nil, false
	}
	x.status += paramUnchanged
	return rfc9111.Validated(x.stale.Header(), update, x.condition == byETag), true
}
