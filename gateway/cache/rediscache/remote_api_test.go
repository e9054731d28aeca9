package rediscache_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// TestTurns follows one flight of the fleet.
func TestTurns(t *testing.T) {
	t.Parallel()
	_, p := fleet(t, 2, new(backend))
	ctx := context.Background()
	lead := func(p *process, key cache.RemoteKey, stamp cache.Stamp) cache.Role {
		t.Helper()
		role, err := p.remote.Lead(ctx, key, stamp)
		if err != nil {
			t.Fatal(err)
		}
		return role
	}
	key, stamp := cache.RemoteKey{1}, cache.Stamp{1}
	if role := lead(p[0], key, stamp); role != cache.RoleLeader {
		t.Errorf("first: %v", role)
	}
	if role := lead(p[1], key, stamp); role != cache.RoleFollower {
		t.Errorf("second: %v", role)
	}
	if role := lead(p[1], key, cache.Stamp{2}); role != cache.RoleLeader {
		t.Errorf("after a purge: %v", role)
	}
	p[0].remote.Put(cache.Put{Key: key, Stamp: stamp, Entry: []byte("x"), Keep: time.Minute, Leads: true})
	awaitStored(t, p[0], 1)
	if role := lead(p[1], key, stamp); role != cache.RoleFollower {
		t.Errorf("who has looked just before the entry came calls the upstream: %v", role)
	}
	p[1].remote.Put(cache.Put{Key: key, Stamp: cache.Stamp{2}, Leads: true})
	redistest.Eventually(t, func() bool { return lead(p[0], key, cache.Stamp{2}) == cache.RoleAlone })
}

// TestStampProtocol stores under a stamp of before a purge.
func TestStampProtocol(t *testing.T) {
	t.Parallel()
	_, p := fleet(t, 2, new(backend))
	ctx, key, tags := context.Background(), cache.RemoteKey{1}, []cache.TagID{{1}, {2}}
	load := func(p *process, tags []cache.TagID) cache.Loaded {
		t.Helper()
		loaded, err := p.remote.Load(ctx, key, tags)
		if err != nil {
			t.Fatal(err)
		}
		return loaded
	}
	store := func(stamp cache.Stamp, n int) {
		t.Helper()
		p[0].remote.Put(cache.Put{Key: key, Tags: tags, Stamp: stamp, Entry: []byte("x"), Keep: time.Minute})
		awaitStored(t, p[0], n)
	}
	before := load(p[0], tags)
	if again := load(p[1], tags); again.Stamp != before.Stamp || again.Entry != nil {
		t.Errorf("%+v and then %+v", before, again)
	}
	store(before.Stamp, 1)
	if found := load(p[1], tags); string(found.Entry) != "x" || found.Left <= 0 || found.Left > time.Minute {
		t.Errorf("stored: %+v", found)
	}
	for _, others := range [][]cache.TagID{nil, {{1}}, {{2}, {1}}, {{1}, {3}}} {
		if found := load(p[1], others); found.Entry != nil {
			t.Errorf("found under the tags %v", others)
		}
	}
	if d := p[1].remote.Purge(ctx, tags[1:]); !d.Complete() || d.Processes != 2 {
		t.Errorf("purge: %+v", d)
	}
	after := load(p[0], tags)
	if after.Entry != nil || after.Stamp == before.Stamp {
		t.Errorf("purged: %+v", after)
	}
	store(before.Stamp, 2)
	if found := load(p[1], tags); found.Entry != nil {
		t.Error("a response of before the purge is found after it")
	}
	store(after.Stamp, 3)
	if found := load(p[1], tags); found.Entry == nil {
		t.Error("a response of after the purge is not found")
	}
	if d := p[0].remote.PurgeAll(ctx); !d.Complete() {
		t.Errorf("purge of everything: %+v", d)
	}
	if found := load(p[1], tags); found.Entry != nil {
		t.Error("found after everything was purged")
	}
}

// TestReconnected loses the subscription for a moment, in which purges may have
// been missed. What is in Redis is still good.
func TestReconnected(t *testing.T) {
	t.Parallel()
	server, p := fleet(t, 2, new(backend))
	get(p[0].reads, "/a")
	awaitStored(t, p[0], 1)
	if w := get(p[0].reads, "/a"); !isHit(w) {
		t.Errorf("before: %q", status(w))
	}
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	for i := range p {
		redistest.Eventually(t, func() bool { return p[i].events.of(rediscache.EventContact) == 2 })
		p[i].awaitTrust(t)
	}
	if w := get(p[0].reads, "/a"); !isRemoteHit(w) {
		t.Errorf("after: %q %s", status(w), p[0].events)
	}
	if lost := p[0].events.of(rediscache.EventLost); lost != 1 {
		t.Errorf("lost %d times", lost)
	}
}

// TestUnknownMessages hears what a later version may purge by.
func TestUnknownMessages(t *testing.T) {
	t.Parallel()
	server, p := fleet(t, 1, new(backend))
	get(p[0].reads, "/a")
	if w := get(p[0].reads, "/a"); !isHit(w) {
		t.Errorf("before: %q", status(w))
	}
	server.Do("SPUBLISH", "{venta:cache}:purge", "\x09something new")
	redistest.Eventually(t, func() bool { return p[0].events.of(rediscache.EventMalformed) == 1 })
	redistest.Eventually(t, func() bool { return !isHit(get(p[0].reads, "/a", "Cache-Control", "only-if-cached")) })
}

// TestManyTags purges more tags than a message holds.
func TestManyTags(t *testing.T) {
	t.Parallel()
	_, p := fleet(t, 2, new(backend))
	tags := make([]cache.TagID, 1000)
	for i := range tags {
		tags[i] = cache.TagID{byte(i), byte(i >> 8)}
	}
	if d := p[0].remote.Purge(t.Context(), tags); !d.Complete() || d.Processes != 2 || d.Acknowledged != 2 {
		t.Errorf("%+v", d)
	}
}

func TestOptions(t *testing.T) {
	client := redistest.Start(t).Open(t)
	tests := []struct {
		name string
		opts rediscache.Options
		want string
	}{
		{"no client", rediscache.Options{}, "no Client"},
		{"a short bound", rediscache.Options{Client: client, Bound: time.Millisecond}, "Bound of 1ms"},
		{"a negative timeout", rediscache.Options{Client: client, AckTimeout: -1}, "AckTimeout of -1ns"},
		{"a long lease", rediscache.Options{Client: client, Lease: time.Hour}, "Lease of 1h"},
		{"a negative bound", rediscache.Options{Client: client, MaxPending: -1}, "negative"},
	}
	for _, test := range tests {
		if _, err := rediscache.New(test.opts); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	remote, err := rediscache.New(rediscache.Options{Client: client})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cache.NewStore(cache.Options{Remote: remote}); err != nil {
		t.Error(err)
	}
	if _, err := cache.NewStore(cache.Options{Remote: remote}); err == nil {
		t.Error("one Remote serves two Stores")
	}
	remote.Close()
	remote.Close()
	if remote.Trusted(time.Now()) {
		t.Error("trusted when closed")
	}
	if d := remote.Purge(t.Context(), []cache.TagID{{}}); !d.Pending {
		t.Errorf("purged when closed: %+v", d)
	}
}

// TestOrderOfRequests stores and removes what was requested in one order, in another.
func TestOrderOfRequests(t *testing.T) {
	t.Parallel()
	_, p := fleet(t, 2, new(backend))
	ctx, tags := context.Background(), []cache.TagID{{1}}
	older, newer := time.Now(), time.Now().Add(time.Millisecond)
	load := func(key cache.RemoteKey) cache.Loaded {
		t.Helper()
		loaded, err := p[1].remote.Load(ctx, key, tags)
		if err != nil {
			t.Fatal(err)
		}
		return loaded
	}
	stamp, puts := load(cache.RemoteKey{}).Stamp, 0
	put := func(key byte, at time.Time, entry string) {
		t.Helper()
		put := cache.Put{Key: cache.RemoteKey{key}, Tags: tags, Stamp: stamp, Requested: at, Keep: time.Minute, Remove: true}
		if entry != "" {
			put.Entry, put.Remove = []byte(entry), false
		}
		p[0].remote.Put(put)
		puts++
		p[0].remote.Put(cache.Put{Key: cache.RemoteKey{255}, Tags: tags, Stamp: stamp, Entry: []byte("x"), Keep: time.Minute})
		if entry != "" {
			puts++
		}
		awaitStored(t, p[0], puts)
	}
	tests := []struct {
		name          string
		first, second string // "" is a removal
		at            [2]time.Time
		want          string
	}{
		{"in order", "a", "b", [2]time.Time{older, newer}, "b"},
		{"the older one last", "b", "a", [2]time.Time{newer, older}, "b"},
		{"at the same time", "a", "b", [2]time.Time{older, older}, "b"},
		{"the older one behind a removal", "", "a", [2]time.Time{newer, older}, ""},
		{"a newer one behind a removal", "", "a", [2]time.Time{older, newer}, "a"},
		{"an older removal", "a", "", [2]time.Time{newer, older}, "a"},
		{"a newer removal", "a", "", [2]time.Time{older, newer}, ""},
	}
	for i, test := range tests {
		put(byte(i+1), test.at[0], test.first)
		put(byte(i+1), test.at[1], test.second)
		redistest.Eventually(t, func() bool { return string(load(cache.RemoteKey{byte(i + 1)}).Entry) == test.want })
	}
	put(100, newer, "before")
	stamp = func() cache.Stamp { p[0].remote.Purge(ctx, tags); return load(cache.RemoteKey{100}).Stamp }()
	put(100, older, "after") // by a clock that is behind
	redistest.Eventually(t, func() bool { return string(load(cache.RemoteKey{100}).Entry) == "after" })
}
