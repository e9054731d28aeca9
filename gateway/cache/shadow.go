package cache

import (
	"net/http"
	"slices"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/internal/responsewriter"
)

// What [Rule].OnShadow is told a request would have been: answered from the
// store, answered while the answer is fetched anew, asked for, answered in place
// of a failure, passed by or refused. [InvalidateRule].OnShadow is told
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

// shadow looks up what would be stored, and stores what answers are like without
// their bodies. The handler gets each request as it is, and the client each
// answer.
//
// Shared flights, encodings and the second level have no shadow. Entries without
// bodies are light, so that they stay longer than those of an enforced rule may.
// An answer to a condition, to HEAD or in an encoding is not the whole one that
// an enforced rule would ask for, and counts as a miss.
type shadow struct{ *handler }

// shadowTag is a tag that writes in shadow purge, which nothing enforced has.
func shadowTag(tag string) string { return "\x00shadow " + tag }

func (h shadow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l, would := h.look(r)
	defer func() { h.report(r, would) }() // also of a handler that panics
	if l == nil || would == wouldHit {
		h.next.ServeHTTP(w, r)
		return
	}
	stamps := h.store.tags.stamp(l.tags)
	witness := newWitness(w)
	asked := time.Now()
	h.next.ServeHTTP(witness, r)
	if l.stale != nil && rfc9111.IsFailure(witness.Status()) && h.standsIn(l.stale, l.directives, time.Now()) {
		would = wouldStale
	}
	h.remember(r, l, witness, stamps, asked)
}

// look says what the cache would do, and returns nil where that ends there.
func (h shadow) look(r *http.Request) (*lookup, string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, wouldBypass
	}
	l := new(lookup)
	detail, err := h.prepare(r, l)
	switch {
	case err != nil:
		return nil, wouldRefuse
	case detail != "":
		return nil, wouldBypass
	}
	now := time.Now()
	if h.find(r, l, now) != nil {
		return l, wouldHit
	}
	would := wouldMiss
	if h.whileStale(r, l, now) != "" {
		would = wouldRevalidate
	} else if l.directives.OnlyIfCached {
		return nil, wouldRefuse
	}
	switch ok, err := h.tag(r, l); {
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

// remember stores what an answer was like.
func (h shadow) remember(r *http.Request, l *lookup, w *witness, stamps []stamp, asked time.Time) {
	if w.answer == nil || r.Method != http.MethodGet || w.broken() {
		return
	}
	rfc9111.AddVary(w.answer, h.vary)
	p, ok := h.plan(r, w.Status(), w.answer, asked)
	declared := rfc9111.ContentLength(w.answer)
	if !ok || declared >= 0 && declared != w.Bytes() || !h.store.tags.current(stamps) {
		return
	}
	v := newVariant(w.answer, nil, p, l.key, stamps)
	if v.weight+w.Bytes() <= h.store.opts.MaxEntryBytes {
		h.store.put(l.key, v)
	}
}

func (h shadow) report(r *http.Request, would string) {
	if h.rule.OnShadow != nil {
		h.rule.OnShadow(r.Context(), would)
	}
}

// witness sees an answer and passes it on.
type witness struct {
	responsewriter.Watcher
	outer  http.Header // what was set further out before
	answer http.Header // what the handler has added to it; nil while there is no status
}

func newWitness(w http.ResponseWriter) *witness {
	seen := &witness{Watcher: responsewriter.Watcher{ResponseWriter: w}, outer: w.Header().Clone()}
	seen.OnBegin = func(int) { seen.answer = added(seen.outer, w.Header()) }
	return seen
}

// broken reports whether the answer is not to be stored: it is a stream, a tunnel
// or half an answer.
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
