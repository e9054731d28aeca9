package cache

import (
	"net/http"
	"strings"

	"github.com/maypok86/otter/v2"
)

// urlBytes is what is remembered of a URL beside its bytes.
const urlBytes = 256

// urlKeys remembers the keys of URLs, so that a hit need not read the request.
// It holds URLs that had a hit alone: a flood of others does not reach it.
type urlKeys = otter.Cache[urlKey, string]

// urlKey is a URL as the handler of one route reads it, path and query apart, so
// that no spelling of one can be mistaken for another.
type urlKey struct {
	route *handler
	path  string
	raw   string // the path as it was escaped, where that is not by default
	query string
}

func newURLKeys(maxBytes int64) (*urlKeys, error) {
	return otter.New(&otter.Options[urlKey, string]{
		MaximumWeight: uint64(maxBytes),
		Weigher: func(u urlKey, key string) uint32 {
			return uint32(urlBytes + len(u.path) + len(u.raw) + len(u.query) + len(key))
		},
		Executor: func(task func()) { task() },
	})
}

// requestKey returns the rule's key, from memory where it depends on the URL
// alone.
func (h *handler) requestKey(r *http.Request, l *lookup) (key string, ok bool, err error) {
	if !h.rule.KeyFromURL || r.URL.Opaque != "" {
		return h.rule.Key(r)
	}
	if known, ok := h.store.urls.GetIfPresent(h.urlKey(r)); ok {
		return known, true, nil
	}
	l.learn = true
	return h.rule.Key(r)
}

func (h *handler) urlKey(r *http.Request) urlKey {
	return urlKey{h, r.URL.Path, r.URL.RawPath, r.URL.RawQuery}
}

// learnURL remembers the key of a URL that has had its first hit.
func (h *handler) learnURL(r *http.Request, l *lookup) {
	if !l.learn || int64(len(r.URL.Path)+len(r.URL.RawPath)+len(r.URL.RawQuery)) > h.store.opts.MaxKeyBytes {
		return
	}
	u := h.urlKey(r)
	u.path, u.raw, u.query = strings.Clone(u.path), strings.Clone(u.raw), strings.Clone(u.query)
	h.store.urls.Set(u, strings.Clone(l.key.request))
}
