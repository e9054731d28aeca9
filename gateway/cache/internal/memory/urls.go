package memory

import (
	"strings"

	"github.com/maypok86/otter/v2"
)

// urlBytes is what is remembered of a URL beside its bytes.
const urlBytes = 256

// URLs remembers the rule's keys of URLs, so that a hit need not read the
// request. It is safe for concurrent use.
type URLs struct{ keys *otter.Cache[URL, string] }

// URL is a URL as one route reads it, path and query apart, so that no spelling
// of one can be mistaken for another.
type URL struct {
	Route uint64 // a number, so that what is remembered keeps no route alive
	Path  string
	Raw   string // the path as it was escaped, where that is not by default
	Query string
}

// Bytes is how long the URL is.
func (u URL) Bytes() int64 { return int64(len(u.Path) + len(u.Raw) + len(u.Query)) }

// NewURLs returns one that is empty and remembers up to maxBytes.
func NewURLs(maxBytes int64) (*URLs, error) {
	keys, err := otter.New(&otter.Options[URL, string]{
		MaximumWeight: uint64(maxBytes),
		Weigher:       func(u URL, key string) uint32 { return uint32(urlBytes + u.Bytes() + int64(len(key))) },
		Executor:      func(task func()) { task() },
	})
	if err != nil {
		return nil, err
	}
	return &URLs{keys}, nil
}

// Bytes is what is remembered.
func (u *URLs) Bytes() uint64 { return u.keys.WeightedSize() }

// Key returns the key of a URL.
func (u *URLs) Key(of URL) (key string, ok bool) { return u.keys.GetIfPresent(of) }

// Remember remembers the key of a URL, and nothing of the request's memory.
func (u *URLs) Remember(of URL, key string) {
	of.Path, of.Raw, of.Query = strings.Clone(of.Path), strings.Clone(of.Raw), strings.Clone(of.Query)
	u.keys.Set(of, strings.Clone(key))
}
