package cache

import (
	"net/http"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// Event is something about the cache itself that an operator wants to count.
type Event string

// The events. Those that end in "TooLarge" pass the cache by, or leave an answer
// unstored, for a bound of [Options].
const (
	KeyTooLarge    Event = "key_too_large"    // MaxKeyBytes
	TagsTooLarge   Event = "tags_too_large"   // MaxTags, MaxTagBytes
	AnswerTooLarge Event = "answer_too_large" // MaxEntryBytes
	HeaderTooLarge Event = "header_too_large" // MaxHeaderBytes
	VaryTooLarge   Event = "vary_too_large"   // MaxKeyBytes: what the answer varies on
	Refreshed      Event = "refreshed"        // in the background
	RefreshFailed  Event = "refresh_failed"   // in the background; the stale answer stays
	RefreshSkipped Event = "refresh_skipped"  // MaxRefreshes
	RefreshPanic   Event = "refresh_panicked" // in the background; logged
	Encoded        Event = "encoded"          // a stored answer, for the first hit that asked for it
	EncodingFailed Event = "encoding_failed"  // it is served as it is
)

// The defaults of [Options] that bound what requests and answers bring.
const (
	DefaultMaxKeyBytes    = 8 << 10
	DefaultMaxTags        = 64
	DefaultMaxTagBytes    = 1 << 10
	DefaultMaxHeaderBytes = 32 << 10
)

// selectorBytes is what the header fields weigh that an answer varies on.
func selectorBytes(list []rfc9111.Selector) int64 {
	var bytes int64
	for _, s := range list {
		bytes += fieldBytes
		for _, line := range s.Lines {
			bytes += int64(len(line)) + stringBytes
		}
	}
	return bytes
}

// tooLarge reports whether an answer cannot be stored for its size, as far as
// its header tells.
func (h *handler) tooLarge(r *http.Request, answer http.Header, vary []string) bool {
	o := &h.store.opts
	switch {
	case rfc9111.ContentLength(answer) > o.MaxEntryBytes:
		h.event(r, AnswerTooLarge)
	case headerBytes(answer) > o.MaxHeaderBytes:
		h.event(r, HeaderTooLarge)
	case varyBytes(r, vary) > o.MaxKeyBytes:
		h.event(r, VaryTooLarge)
	default:
		return false
	}
	return true
}

func headerBytes(header http.Header) int64 {
	var bytes int64
	for name, values := range header {
		bytes += int64(len(name))
		for _, value := range values {
			bytes += int64(len(value))
		}
	}
	return bytes
}

func varyBytes(r *http.Request, names []string) int64 {
	var bytes int64
	for _, name := range names {
		for _, line := range r.Header[name] {
			bytes += int64(len(line))
		}
	}
	return bytes
}

// tagsFit reports whether an answer can be stored under the tags.
func (o *Options) tagsFit(tags []string) bool {
	if len(tags) > o.MaxTags {
		return false
	}
	for _, tag := range tags {
		if len(tag) > o.MaxTagBytes {
			return false
		}
	}
	return true
}

func (h *handler) event(r *http.Request, e Event) {
	if h.rule.OnEvent != nil {
		h.rule.OnEvent(r, e)
	}
}
