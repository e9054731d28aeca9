package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

// hub is a level 2 in memory, and the bond of its Remotes. Each step takes a
// random time before and after it.
type hub struct {
	random *lockedRand
	mu     sync.Mutex
	next   uint64
	values map[cache.TagID]uint64
	all    uint64
	stored map[cache.RemoteKey]fakeEntry
	flight map[flightName]fakeFlight
	locals []*fakeRemote
}

type fakeEntry struct {
	stamp     cache.Stamp
	requested time.Time
	bytes     []byte
	until     time.Time
}

type fakeFlight struct {
	role  cache.Role // of those who come
	until time.Time
}

type flightName struct {
	key   cache.RemoteKey
	stamp cache.Stamp
}

type lockedRand struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (r *lockedRand) n(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.IntN(n)
}

func newHub(seed uint64) *hub {
	return &hub{
		random: &lockedRand{r: rand.New(rand.NewPCG(seed, 0))},
		values: make(map[cache.TagID]uint64),
		stored: make(map[cache.RemoteKey]fakeEntry),
		flight: make(map[flightName]fakeFlight),
	}
}

func (h *hub) pause() { time.Sleep(time.Duration(h.random.n(5)) * time.Millisecond) } // virtual

// step runs what happens at once, at some time.
func (h *hub) step(do func()) {
	h.pause()
	h.mu.Lock()
	do()
	h.mu.Unlock()
	h.pause()
}

// fakeRemote is one process's Remote. While it is cut off it hears nothing, and
// nobody hears it.
type fakeRemote struct {
	hub    *hub
	level  cache.Level
	cutAt  time.Time     // zero: it is not; guarded by hub.mu
	silent bool          // what it knew of others then; guarded by hub.mu
	unsaid []cache.TagID // what it has purged since; guarded by hub.mu
	loads  atomic.Int64
	during func() // runs in the middle of a purge; nil: nothing does
}

const fakeBound = 50 * time.Millisecond

var errCut = errors.New("cut off")

func (f *fakeRemote) Attach(level cache.Level) error {
	f.level = level
	f.hub.locals = append(f.hub.locals, f)
	return nil
}

func (f *fakeRemote) Bound() time.Duration { return fakeBound }

func (f *fakeRemote) Trusted(now time.Time) bool {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	return f.cutAt.IsZero() || now.Sub(f.cutAt) < fakeBound/2
}

// Oldest learns that another is cut off as late as it may. What it learned last
// holds for who is cut off itself.
func (f *fakeRemote) Oldest(now time.Time) time.Time {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	silent := f.silent
	if !f.isCut() {
		silent = f.hub.someSilent(now)
	}
	if silent {
		return now.Add(-fakeBound)
	}
	return time.Time{}
}

func (h *hub) someSilent(now time.Time) bool {
	return slices.ContainsFunc(h.locals, func(f *fakeRemote) bool {
		return f.isCut() && now.Sub(f.cutAt) >= fakeBound/2
	})
}

func (f *fakeRemote) isCut() bool { return !f.cutAt.IsZero() }

func (f *fakeRemote) Load(_ context.Context, key cache.RemoteKey, tags []cache.TagID) (l cache.Loaded, err error) {
	f.loads.Add(1)
	var e fakeEntry
	f.hub.step(func() { e = f.hub.stored[key] }) // the entry and the tags are of two nodes
	f.hub.step(func() {
		if f.isCut() {
			err = errCut
		}
		l.Stamp = f.hub.stamp(tags)
	})
	if e.bytes != nil && e.stamp == l.Stamp && time.Until(e.until) > 0 {
		l.Entry, l.Left = slices.Clone(e.bytes), time.Until(e.until)
	}
	return l, err
}

// stamp makes values as they are asked for.
func (h *hub) stamp(tags []cache.TagID) cache.Stamp {
	text := fmt.Sprint(h.all)
	for _, tag := range tags {
		if h.values[tag] == 0 {
			h.next++
			h.values[tag] = h.next
		}
		text += fmt.Sprint(":", h.values[tag])
	}
	if len(text) > len(cache.Stamp{}) {
		panic("the fake's stamps are too long: " + text)
	}
	return cache.Stamp([]byte(text + strings.Repeat(" ", len(cache.Stamp{})-len(text))))
}

func (f *fakeRemote) Lead(_ context.Context, key cache.RemoteKey, stamp cache.Stamp) (role cache.Role, err error) {
	f.hub.step(func() {
		name := flightName{key, stamp}
		open := f.hub.flight[name]
		if role = open.role; !time.Now().Before(open.until) {
			role = cache.RoleLeader
			f.hub.flight[name] = fakeFlight{cache.RoleFollower, time.Now().Add(time.Second)}
		}
		if f.isCut() {
			err = errCut
		}
	})
	return role, err
}

func (f *fakeRemote) Put(p cache.Put) {
	go f.hub.step(func() {
		if f.isCut() {
			return
		}
		there := f.hub.stored[p.Key]
		later := there.stamp == p.Stamp && there.requested.After(p.Requested)
		switch {
		case later:
		case p.Entry != nil:
			f.hub.stored[p.Key] = fakeEntry{p.Stamp, p.Requested, p.Entry, time.Now().Add(p.Keep)}
		case p.Remove:
			f.hub.stored[p.Key] = fakeEntry{stamp: p.Stamp, requested: p.Requested}
		}
		if p.Leads {
			landed := fakeFlight{cache.RoleAlone, time.Now().Add(100 * time.Millisecond)}
			if p.Entry != nil {
				landed.role = cache.RoleFollower
			}
			f.hub.flight[flightName{p.Key, p.Stamp}] = landed
		}
	})
}

func (f *fakeRemote) Purge(_ context.Context, tags []cache.TagID) cache.Delivery {
	if f.during != nil {
		f.during()
	}
	pending := false
	f.hub.step(func() {
		if pending = f.isCut(); pending {
			f.unsaid = append(f.unsaid, tags...)
			return
		}
		for _, tag := range tags {
			delete(f.hub.values, tag)
		}
	})
	if pending {
		return cache.Delivery{Pending: true}
	}
	return f.publish(func(level cache.Level) { level.PurgeTags(tags) })
}

func (f *fakeRemote) PurgeAll(context.Context) cache.Delivery {
	f.hub.step(func() { f.hub.next++; f.hub.all = f.hub.next })
	return f.publish(cache.Level.PurgeAll)
}

// publish returns when all who are not cut off have heard.
func (f *fakeRemote) publish(purge func(cache.Level)) cache.Delivery {
	var hearing sync.WaitGroup
	f.hub.mu.Lock()
	for _, other := range f.hub.locals {
		if !other.isCut() {
			hearing.Go(func() { f.hub.step(func() { purge(other.level) }) })
		}
	}
	f.hub.mu.Unlock()
	hearing.Wait()
	return cache.Delivery{Processes: len(f.hub.locals), Acknowledged: len(f.hub.locals)}
}

// cut loses the contact, and heal finds it again.
func (f *fakeRemote) cut() {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if !f.isCut() {
		f.silent, f.cutAt = f.hub.someSilent(time.Now()), time.Now()
	}
}

func (f *fakeRemote) heal() {
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	for _, tag := range f.unsaid {
		delete(f.hub.values, tag)
	}
	for _, other := range f.hub.locals {
		if !other.isCut() {
			other.level.PurgeTags(f.unsaid)
		}
	}
	f.cutAt, f.unsaid = time.Time{}, nil
	f.level.PurgeTagged()
}

func newRemoteStore(t testing.TB, h *hub) (*cache.Store, *fakeRemote) {
	t.Helper()
	f := &fakeRemote{hub: h}
	s := newStore(t, cache.Options{Remote: f})
	t.Cleanup(s.Close)
	return s, f
}
