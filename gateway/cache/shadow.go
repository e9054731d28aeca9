package cache

import (
	"net/http"
	"slices"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/internal/responsewriter"
)

// What [Rule].OnShadow is told a request would have been: served from the store,
// served while the response is refreshed, fetched, served in place of a failure,
// passed by or refused. [InvalidateRule].OnShadow is told
// "purge" and "refuse".
const (
	wouldHit        = "hit"
	wouldRevalidate = "revalidate"
	wouldMiss       = "miss"
	wouldStale      = "stale"
	wouldBypass     = "bypass"
	wouldRefuse     = "refuse"
	wouldPurge      = "purge"
)

// shadow looks up what would be stored, and stores what responses are like
// without their bodies. The handler gets each request as it is, and the client
// each response.
//
// Shared flights, encodings and level 2 have no shadow. Entries without bodies
// are light, so that they stay longer than those of an enforced rule may. A
// response to a condition, to HEAD or in an encoding is not the whole one that an
// enforced rule would fetch, and counts as a miss.
type shadow struct {
	*route
	finder finder
}

// shadowTag is a tag that writes in shadow purge, which nothing enforced has.
func shadowTag(tag string) string { return "\x00shadow " + tag }

func (h shadow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l, would := h.look(r)
	defer func() { h.tell(r, would) }() // also of a handler that panics
	if l == nil || would == wouldHit {
		h.next.ServeHTTP(w, r)
		return
	}
	stamps := h.store.tags.Stamp(l.tags)
	witness := newWitness(w)
	requested := time.Now()
	h.next.ServeHTTP(witness, r)
	if l.stale != nil && rfc9111.IsFailure(witness.Status()) && (staleness{h.route}).inPlaceOfError(r, l.key, l.stale, l.directives, time.Now()) {
		would = wouldStale
	}
	h.remember(r, l, witness, stamps, requested)
}

// look says what the cache would do, and returns nil where that ends there.
func (h shadow) look(r *http.Request) (*lookup, string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, wouldBypass
	}
	l := new(lookup)
	detail, err := h.finder.begin(r, l)
	switch {
	case err != nil:
		return nil, wouldRefuse
	case detail != "":
		return nil, wouldBypass
	}
	now := time.Now()
	if h.finder.find(r, l, now) != nil {
		return l, wouldHit
	}
	would := wouldMiss
	if (staleness{h.route}).whileRefreshing(r, l, now) != "" {
		would = wouldRevalidate
	} else if l.directives.OnlyIfCached {
		return nil, wouldRefuse
	}
	switch ok, err := h.finder.tag(r, l); {
	case err != nil:
		return nil, wouldRefuse
	case !ok:
		return nil, wouldBypass
	}
	for _, tag := range slices.Clone(l.tags) {
		l.tags = append(l.tags, shadowTag(tag))
	}
	return l, would
}

// remember stores what a response was like.
func (h shadow) remember(r *http.Request, l *lookup, w *witness, stamps []memory.Stamp, requested time.Time) {
	if w.response == nil || r.Method != http.MethodGet || w.broken() {
		return
	}
	rfc9111.AddVary(w.response, h.vary)
	terms, ok := storability{h.route}.terms(r, w.Status(), w.response, requested)
	declared := rfc9111.ContentLength(w.response)
	if declared >= 0 && declared != w.Bytes() || !h.store.tags.Current(stamps) {
		return
	}
	if ok {
		v := memory.NewResponse(w.response, nil, terms, l.key, stamps)
		if v.Weight()+w.Bytes() <= h.store.opts.MaxEntryBytes {
			h.store.memory.Put(h.variant(r, l.key), v, r.Header)
			return
		}
	}
	if rfc9111.Supersedes(w.Status()) && !h.audience.isPersonal(r) {
		h.store.memory.Supersede(h.variant(r, l.key), r.Header, requested)
	}
}

func (h shadow) tell(r *http.Request, would string) {
	if h.rule.OnShadow != nil {
		h.rule.OnShadow(r.Context(), would)
	}
}

// witness sees a response and passes it on.
type witness struct {
	responsewriter.Watcher
	outer    http.Header // what was set further out before
	response http.Header // what the handler has added to it; nil while there is no status
}

func newWitness(w http.ResponseWriter) *witness {
	seen := &witness{Watcher: responsewriter.Watcher{ResponseWriter: w}, outer: w.Header().Clone()}
	seen.OnBegin = func(int) { seen.response = added(seen.outer, w.Header()) }
	return seen
}

// broken reports whether the response is not to be stored: it is a stream, a
// tunnel or half a response.
func (w *witness) broken() bool { return w.Streamed() || w.Err() != nil }

// added returns what of a header was not set further out.
func added(outer, header http.Header) http.Header {
	own := rfc9111.Canonical(header)
	for name, before := range outer {
		values := own[name]
		if len(values) >= len(before) && slices.Equal(values[:len(before)], before) {
			if own[name] = values[len(before):]; len(values) == len(before) {
				delete(own, name)
			}
		}
	}
	return own
}
