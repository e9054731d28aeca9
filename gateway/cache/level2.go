package cache

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/venta-hq/venta/gateway/cache/internal/entry"
	"github.com/venta-hq/venta/gateway/cache/internal/memory"
	"github.com/venta-hq/venta/gateway/cache/internal/rfc9111"
	"github.com/venta-hq/venta/gateway/requestctx"
)

// Between looks at what another process's flight has brought.
const (
	firstLook = 5 * time.Millisecond
	laterLook = 40 * time.Millisecond
)

// level2 is one fetch's way through the remote store. A nil one has none.
type level2 struct {
	*route
	remote     Remote
	request    *http.Request
	directives rfc9111.Directives
	base       memory.Key
	tags       []TagID
	stamps     []memory.Stamp // of this process

	key   RemoteKey        // that of the response, where it is known
	stamp Stamp            // of before the upstream is called
	ready bool             // what the upstream sends may be shared
	leads bool             // other processes wait
	there bool             // something was found, whatever use it is of
	stale *memory.Response // what was found and is no longer fresh; nil: nothing
}

// newLevel2 returns nil where there is no level 2.
func newLevel2(rt *route, r *http.Request, l *lookup, stamps []memory.Stamp) *level2 {
	if rt.store.opts.Remote == nil {
		return nil
	}
	return &level2{
		route: rt, remote: rt.store.opts.Remote, request: r, directives: l.directives,
		base: l.key, tags: tagIDs(l.tags), stamps: stamps,
	}
}

// find returns a response that may be used, and waits for that of another process
// which fetches it now. A request that goes alone wants one of its own.
func (s *level2) find(ctx context.Context, alone bool) *memory.Response {
	switch {
	case s == nil:
		return nil
	case !s.remote.Trusted(time.Now()):
		s.tell(RemoteUntrusted)
		return nil
	}
	v := s.load(ctx)
	if alone {
		return nil
	}
	if v != nil || !s.ready {
		return v
	}
	s.tell(RemoteMiss)
	return s.await(ctx)
}

// await returns nil when the upstream is to be called.
//
// Who follows waits for another's call of the upstream, not for the level: of the
// request's time for that only the first question counts.
func (s *level2) await(ctx context.Context) *memory.Response {
	if !s.follows(ctx) {
		return nil
	}
	return s.follow(requestctx.Unhurried(ctx))
}

// follows reports whether another process calls the upstream now.
func (s *level2) follows(ctx context.Context) bool {
	role, err := s.remote.Lead(ctx, s.key, s.stamp)
	if err != nil {
		s.tell(RemoteFailed)
		return false
	}
	if s.leads = role == RoleLeader; s.leads {
		s.tell(RemoteLed)
	}
	return role == RoleFollower
}

// follow looks for what the other brings, for a while.
func (s *level2) follow(ctx context.Context) *memory.Response {
	deadline := time.NewTimer(s.store.opts.MaxRemoteWait)
	defer deadline.Stop()
	for look := firstLook; ; look = min(2*look, laterLook) {
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
		if !s.follows(ctx) {
			return nil
		}
	}
}

// load looks once. What is stored under the rule's own header fields is a
// response, or which fields tell the responses apart.
func (s *level2) load(ctx context.Context) *memory.Response {
	s.ready = false
	base := s.keyOf(nil)
	found, stamp, ok := s.loadKey(ctx, base)
	if !ok {
		return nil
	}
	s.key, s.stamp, s.ready = base, stamp, true
	if found.Vary == nil {
		return s.usable(found.Response)
	}
	s.key = s.keyOf(found.Vary)
	found, _, ok = s.loadKey(ctx, s.key)
	s.ready = ok
	return s.usable(found.Response)
}

// loadKey reports false where the level does not respond. What it has under the
// key and cannot be read is nothing.
func (s *level2) loadKey(ctx context.Context, k RemoteKey) (entry.Entry, Stamp, bool) {
	loaded, err := s.remote.Load(ctx, k, s.tags)
	if err != nil {
		s.tell(RemoteFailed)
		return entry.Entry{}, Stamp{}, false
	}
	if loaded.Entry == nil {
		return entry.Entry{}, loaded.Stamp, true
	}
	s.there = true
	found, err := entry.Decode(loaded.Entry, s.base, loaded.Left, s.stamps, time.Now())
	switch {
	case errors.Is(err, entry.ErrForeign):
		s.tell(RemoteForeign)
	case err != nil:
		s.tell(RemoteCorrupt)
	}
	return found, loaded.Stamp, true
}

// usable returns the response if it may be served, and remembers one that is
// stale.
func (s *level2) usable(v *memory.Response) *memory.Response {
	now := time.Now()
	switch {
	case v == nil, !rfc9111.Selected(s.request.Header, v.Selectors), v.Weight() > s.store.opts.MaxEntryBytes,
		v.Born.Before(s.store.oldest(v.Stamps, now)),
		s.store.memory.Superseded(s.variant(s.request, s.base), v):
		return nil
	case !v.Fresh(now):
		if s.stale == nil {
			s.stale = v
		}
		return nil
	case !v.AllowedBy(s.directives, now):
		return nil
	}
	return v
}

// keyOf returns the key of the response that the request selects by the rule's
// header fields and others.
func (s *level2) keyOf(names []string) RemoteKey {
	vary := rfc9111.VaryKey(s.request.Header, s.vary)
	if names != nil {
		vary += "\x00" + strings.Join(names, ",") + "\x00" + rfc9111.VaryKey(s.request.Header, names)
	}
	return entry.Key(s.base, vary)
}

// share stores what the upstream has sent. An error that is written anew for each
// request stays in this process, and takes the place of what is stored all the same.
func (s *level2) share(v *memory.Response) {
	if s == nil || !s.ready {
		return
	}
	encoded, keep := []byte(nil), time.Duration(0)
	if v.Failure == nil {
		encoded, keep = entry.Encode(v, s.base, time.Now())
	}
	if keep <= 0 {
		if s.there {
			s.remove(v.Requested)
		}
		s.release()
		return
	}
	base := s.keyOf(nil)
	put := Put{Key: base, Tags: s.tags, Stamp: s.stamp, Requested: v.Requested, Entry: encoded, Keep: keep}
	if names := rfc9111.SelectorNames(v.Selectors); !s.variesOn(names) {
		put.Key = s.keyOf(names)
		vary := put
		vary.Key, vary.Entry = base, entry.EncodeVary(names, s.base)
		s.put(vary)
	}
	s.put(put)
	s.release()
}

// variesOn reports whether the names are those of the rule alone.
func (s *level2) variesOn(names []string) bool {
	return slices.Equal(names, s.selects)
}

// put ends the flight with the entry that it was for.
func (s *level2) put(p Put) {
	if s.leads && p.Key == s.key {
		p.Leads, s.leads = true, false
	}
	s.remote.Put(p)
}

// release lets those go who wait for what cannot be shared.
func (s *level2) release() {
	if s == nil || !s.leads {
		return
	}
	s.remote.Put(Put{Key: s.key, Tags: s.tags, Stamp: s.stamp, Leads: true})
	s.leads = false
}

// removalPause is how long a removal need not be said again where nothing is stored.
const removalPause = time.Second

// supersede removes what is stored, and keeps what was requested earlier from
// being stored: a response requested at that time has taken its place. before is
// when that was so the last time.
func (s *level2) supersede(requested, before time.Time) {
	if s == nil || !s.ready || !s.there && requested.Sub(before) < removalPause {
		return
	}
	s.remove(requested)
}

func (s *level2) remove(requested time.Time) {
	s.remote.Put(Put{Key: s.key, Tags: s.tags, Stamp: s.stamp, Requested: requested, Leads: s.leads, Remove: true})
	s.leads = false
}

func (s *level2) tell(e Event) { s.event(s.request, e) }
