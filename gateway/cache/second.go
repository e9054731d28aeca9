package cache

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
)

// DefaultMaxRemoteWait is the default of [Options].MaxRemoteWait.
const DefaultMaxRemoteWait = time.Second

// Between looks at what another process's flight has brought.
const (
	firstLook = 5 * time.Millisecond
	laterLook = 40 * time.Millisecond
)

const statusRemoteHit = "venta; hit; detail=level-2"

// second is a fill's way through the second level. A nil one has none.
type second struct {
	remote Remote
	fill   *fill
	tags   []TagID
	key    RemoteKey // that of the variant, where it is known
	stamp  Stamp     // of before the upstream is asked
	ready  bool      // what the upstream answers may be shared
	leads  bool      // other processes wait
}

// newSecond returns nil where there is no second level.
func (h *handler) newSecond(f *fill) *second {
	if h.store.opts.Remote == nil {
		return nil
	}
	return &second{remote: h.store.opts.Remote, fill: f, tags: tagIDs(f.tags)}
}

// serveRemote answers all who wait for f from the second level, or prepares to
// share what the upstream will answer.
func (f *fill) serveRemote(w http.ResponseWriter) bool {
	f.second = f.handler.newSecond(f)
	v := f.second.find(f.ctx)
	if v == nil {
		return false
	}
	store := f.handler.store
	if store.tags.current(f.stamps) {
		store.put(f.key, v)
		f.land(v, false)
		f.kept = true
	} else {
		f.land(nil, true)
	}
	f.outcome = RemoteHit
	f.handler.serve(w, f.request, v, statusRemoteHit, true, time.Now())
	return true
}

// find returns an answer that may be used, and waits for that of another process
// which asks for it now. A fill that nobody waits for wants one of its own.
func (s *second) find(ctx context.Context) *variant {
	switch {
	case s == nil:
		return nil
	case !s.remote.Trusted(time.Now()):
		s.tell(RemoteUntrusted)
		return nil
	}
	v := s.load(ctx)
	if s.fill.flight == nil {
		return nil
	}
	if v != nil || !s.ready {
		return v
	}
	s.tell(RemoteMiss)
	return s.await(ctx)
}

// await returns nil when the upstream is to be asked.
func (s *second) await(ctx context.Context) *variant {
	deadline := time.NewTimer(s.fill.handler.store.opts.MaxRemoteWait)
	defer deadline.Stop()
	for look := firstLook; ; look = min(2*look, laterLook) {
		turn, err := s.remote.Lead(ctx, s.key, s.stamp)
		switch {
		case err != nil:
			s.tell(RemoteFailed)
			return nil
		case turn != TurnWait:
			if s.leads = turn == TurnLead; s.leads {
				s.tell(RemoteLed)
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-deadline.C:
			s.tell(RemoteGaveUp)
			return nil
		case <-time.After(look):
		}
		if v := s.load(ctx); v != nil || !s.ready {
			return v
		}
	}
}

// load looks once. What is stored under the rule's own header fields is an
// answer, or which fields tell the answers apart.
func (s *second) load(ctx context.Context) *variant {
	s.ready = false
	base := s.keyOf(nil)
	found, stamp, ok := s.loadKey(ctx, base)
	if !ok {
		return nil
	}
	s.key, s.stamp, s.ready = base, stamp, true
	if found.vary == nil {
		return s.usable(found.variant)
	}
	s.key = s.keyOf(found.vary)
	found, _, ok = s.loadKey(ctx, s.key)
	s.ready = ok
	return s.usable(found.variant)
}

// loadKey reports false where the level does not answer. What it has under the
// key and cannot be read is nothing.
func (s *second) loadKey(ctx context.Context, k RemoteKey) (entry, Stamp, bool) {
	loaded, err := s.remote.Load(ctx, k, s.tags)
	if err != nil {
		s.tell(RemoteFailed)
		return entry{}, Stamp{}, false
	}
	if loaded.Entry == nil {
		return entry{}, loaded.Stamp, true
	}
	found, err := decodeEntry(loaded.Entry, s.fill.key, loaded.Left, s.fill.stamps, time.Now())
	switch {
	case errors.Is(err, errForeign):
		s.tell(RemoteForeign)
	case err != nil:
		s.tell(RemoteCorrupt)
	}
	return found, loaded.Stamp, true
}

// usable returns the answer if it may be served. One that is stale may stand in
// for a failure.
func (s *second) usable(v *variant) *variant {
	f, now := s.fill, time.Now()
	switch {
	case v == nil, !rfc9111.Selected(f.request.Header, v.selectors), v.weight > f.handler.store.opts.MaxEntryBytes:
		return nil
	case !v.Fresh(now):
		if f.stale == nil {
			f.stale = v
		}
		return nil
	case !v.AllowedBy(f.directives, now):
		return nil
	}
	return v
}

// keyOf returns the key of the variant that the request selects by the rule's
// header fields and others.
func (s *second) keyOf(names []string) RemoteKey {
	f := s.fill
	vary := rfc9111.VaryKey(f.request.Header, f.handler.vary)
	if names != nil {
		vary += "\x00" + strings.Join(names, ",") + "\x00" + rfc9111.VaryKey(f.request.Header, names)
	}
	return f.key.remote(vary)
}

// share stores what the upstream has answered. An error that is written anew for
// each request stays in this process.
func (s *second) share(v *variant) {
	if s == nil || !s.ready || v.failure != nil {
		s.release(false)
		return
	}
	encoded, keep := encodeVariant(v, s.fill.key, time.Now())
	if keep <= 0 {
		s.release(false)
		return
	}
	base := s.keyOf(nil)
	variant := Put{Key: base, Tags: s.tags, Stamp: s.stamp, Entry: encoded, Keep: keep}
	if names := rfc9111.SelectorNames(v.selectors); !s.fill.handler.variesOn(names) {
		variant.Key = s.keyOf(names)
		s.put(Put{Key: base, Tags: s.tags, Stamp: s.stamp, Entry: encodeVary(names, s.fill.key), Keep: keep})
	}
	s.put(variant)
	s.release(false)
}

// variesOn reports whether the names are those of the rule alone.
func (h *handler) variesOn(names []string) bool {
	own, _ := rfc9111.VaryNames(h.vary, nil)
	return slices.Equal(names, own)
}

// put ends the flight with the entry that it was for.
func (s *second) put(p Put) {
	if s.leads && p.Key == s.key {
		p.Leads, s.leads = true, false
	}
	s.remote.Put(p)
}

// release lets those go who wait for what cannot be shared. What is stored is
// removed where it no longer holds.
func (s *second) release(remove bool) {
	if s == nil || !s.leads && !(remove && s.ready) {
		return
	}
	s.remote.Put(Put{Key: s.key, Tags: s.tags, Stamp: s.stamp, Leads: s.leads, Remove: remove})
	s.leads = false
}

func (s *second) tell(e Event) { s.fill.handler.event(s.fill.request, e) }

// trusts reports whether what has these stamps may be served: whether every
// purge of it would have been heard.
func (s *Store) trusts(stamps []stamp, now time.Time) bool {
	return s.opts.Remote == nil || !isTagged(stamps) || s.opts.Remote.Trusted(now)
}

// joinable returns since when a flight must be under way for others to join it.
// While purges may be missed, what is asked for before the bound is too old.
func (s *Store) joinable(stamps []stamp, now time.Time) time.Time {
	if s.trusts(stamps, now) {
		return time.Time{}
	}
	return now.Add(-s.opts.Remote.Bound())
}

// PurgeAll makes every stored answer unservable, as [Store.Purge] does.
func (s *Store) PurgeAll(ctx context.Context) Delivery {
	s.tags.PurgeAll()
	if s.opts.Remote == nil {
		return Delivery{Processes: 1, Acknowledged: 1}
	}
	d := s.opts.Remote.PurgeAll(ctx)
	s.tags.PurgeAll() // what was loaded between the two
	return d
}

// PurgeEverywhere is [Store.Purge], and says how far it came.
func (s *Store) PurgeEverywhere(ctx context.Context, tags ...string) Delivery {
	ids := tagIDs(tags)
	s.tags.PurgeTags(ids)
	if s.opts.Remote == nil || len(ids) == 0 {
		return Delivery{Processes: 1, Acknowledged: 1}
	}
	d := s.opts.Remote.Purge(ctx, ids)
	s.tags.PurgeTags(ids) // what was loaded between the two
	return d
}
