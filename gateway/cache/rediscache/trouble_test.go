package rediscache_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// hasty is a client that gives Redis little time.
func hasty(server *redistest.Server) func(testing.TB) *redis.Client {
	return func(t testing.TB) *redis.Client {
		return redistest.Open(t, redis.Options{Addresses: []string{server.Addr}, Timeout: 50 * time.Millisecond})
	}
}

// strictAcks has no write served before who has not heard of it is not trusted,
// however busy the machine is.
func strictAcks(o *options) { o.remote.AckTimeout = 2 * bound }

// awaitDistrust returns when the processes know that they are alone, and what they
// requested just before is not shared any more.
func awaitDistrust(t testing.TB, all ...*process) {
	t.Helper()
	for _, p := range all {
		redistest.Eventually(t, func() bool { return !p.remote.Trusted(time.Now()) })
	}
	alone := time.Now().Add(150 * time.Millisecond)
	redistest.Eventually(t, func() bool { return time.Now().After(alone) })
}

func awaitTrust(t testing.TB, all ...*process) {
	t.Helper()
	for _, p := range all {
		p.awaitTrust(t)
	}
}

// TestRedisPausedUnderLoad stops Redis while clients read and write through all
// processes. None of them may fail, and once the processes know that they are
// alone nobody reads less than what was served before.
func TestRedisPausedUnderLoad(t *testing.T) {
	b := new(backend)
	server := redistest.Start(t)
	p := startAll(t, hasty(server), 3, b, strictAcks)
	var ended atomic.Bool
	var load sync.WaitGroup
	var served atomic.Int64
	for i := range 4 {
		load.Go(func() {
			for !ended.Load() {
				target := fmt.Sprint("/load", rand.IntN(10))
				if w := get(p[i%len(p)].reads, target); w.Code != http.StatusOK {
					t.Errorf("read: %d %s", w.Code, w.Body)
				}
				if rand.IntN(100) == 0 {
					if w := put(p[i%len(p)].writes, target); w.Code != http.StatusOK {
						t.Errorf("write: %d %s", w.Code, w.Body)
					}
				}
				served.Add(1)
			}
		})
	}
	redistest.Eventually(t, func() bool { return served.Load() > 1000 })
	get(p[1].reads, "/a")
	server.Pause()
	awaitDistrust(t, p...)
	written := number(put(p[0].writes, "/a"))
	for i := range p {
		if w := get(p[i].reads, "/a"); number(w) < written || isHit(w) {
			t.Errorf("without Redis process %d reads %s after %d: %q", i, w.Body, written, status(w))
		}
	}
	last := time.Now().Add(2 * time.Second)
	redistest.Eventually(t, func() bool { return time.Now().After(last) })
	server.Resume()
	for i := range p {
		p[i].awaitTrust(t)
		if w := get(p[i].reads, "/a"); number(w) < written {
			t.Errorf("after the pause process %d reads %s after %d: %q", i, w.Body, written, status(w))
		}
	}
	ended.Store(true)
	load.Wait()
	if p[0].events.of(rediscache.EventPending) == 0 || p[1].events.of("remote_untrusted") == 0 {
		t.Errorf("events %s and %s", p[0].events, p[1].events)
	}
}

// TestPurgesArePending writes while Redis is away. What another process has stored
// before, in memory and in Redis, must not come back with it.
func TestPurgesArePending(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		maxPending int
		away       func(*redistest.Server) (back func() *redistest.Server)
		event      string
	}{
		{"paused", 100, pause, "remote_purge_kept"},
		{"paused, more than can be pending", 3, pause, "remote_purge_overflow"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := new(backend)
			server := redistest.Start(t)
			p := startAll(t, hasty(server), 2, b, strictAcks, func(o *options) { o.remote.MaxPending = test.maxPending })
			const values = 10
			for i := range values {
				fill(t, p[1], fmt.Sprint("/", i))
			}
			back := test.away(server)
			awaitDistrust(t, p...)
			for i := range values {
				put(p[0].writes, fmt.Sprint("/", i))
			}
			if p[0].events.of(rediscache.EventPending) < values {
				t.Errorf("pending: %s", p[0].events)
			}
			back()
			for _, j := range []int{1, 0} { // the other process must not be trusted before
				p[j].awaitTrust(t)
				for i := range values {
					if w := get(p[j].reads, fmt.Sprint("/", i)); number(w) != 1 {
						t.Errorf("process %d reads %s of %d: %q", j, w.Body, i, status(w))
					}
				}
			}
			if overflown := p[0].events.of(rediscache.EventOverflow) > 0; overflown != (test.maxPending < values) {
				t.Errorf("events: %s", p[0].events)
			}
		})
	}
}

func pause(server *redistest.Server) func() *redistest.Server {
	server.Pause()
	return func() *redistest.Server { server.Resume(); return server }
}

// TestRestartedEmpty kills Redis and starts an empty one.
func TestRestartedEmpty(t *testing.T) {
	t.Parallel()
	b := new(backend)
	server := redistest.Start(t)
	p := startAll(t, hasty(server), 2, b, strictAcks)
	fill(t, p[0], "/a")
	get(p[1].reads, "/a")
	server.Kill()
	awaitDistrust(t, p...)
	put(p[0].writes, "/a")
	for i := range p {
		if w := get(p[i].reads, "/a"); number(w) != 1 || isHit(w) {
			t.Errorf("process %d reads %s: %q", i, w.Body, status(w))
		}
	}
	server.Restart()
	awaitTrust(t, p...)
	for i := range p {
		if w := get(p[i].reads, "/a"); number(w) != 1 || isHit(w) {
			t.Errorf("process %d reads %s: %q", i, w.Body, status(w))
		}
	}
	written := number(put(p[1].writes, "/a"))
	if w := get(p[0].reads, "/a"); number(w) != written {
		t.Errorf("reads %s after %d", w.Body, written)
	}
}

// TestRestartedWithOldData brings back entries together with the tags' values
// that they were stored under. They match, and are of before a purge.
func TestRestartedWithOldData(t *testing.T) {
	t.Parallel()
	b := new(backend)
	dir := t.TempDir()
	server := redistest.Start(t, "--dir", dir)
	p := startAll(t, hasty(server), 2, b, strictAcks)
	fill(t, p[0], "/a")
	server.Do("SAVE")
	redistest.Eventually(t, func() bool { return !p[0].store.PurgeEverywhere(t.Context(), "value:/a").Pending })
	b.values.Clear()
	put(p[0].writes, "/a")
	put(p[0].writes, "/a")
	server = server.Restart("--dir", dir)
	if got := server.Do("DBSIZE"); got == ":0" {
		t.Fatal("nothing came back: nothing is tested")
	}
	awaitDistrust(t, p...)
	awaitTrust(t, p...)
	for i := range p {
		if w := get(p[i].reads, "/a"); number(w) != 2 {
			t.Errorf("process %d reads %s: %q", i, w.Body, status(w))
		}
	}
	if p[0].events.of(rediscache.EventRenewed)+p[1].events.of(rediscache.EventRenewed) < 2 {
		t.Errorf("events %s and %s", p[0].events, p[1].events)
	}
}

// TestFlushed deletes everything in Redis under a running fleet.
func TestFlushed(t *testing.T) {
	t.Parallel()
	b := new(backend)
	server, p := fleet(t, 2, b)
	get(p[0].reads, "/a")
	awaitStored(t, p[0], 1)
	get(p[1].reads, "/a")
	get(p[1].reads, "/b")
	server.Do("FLUSHALL")
	written := number(put(p[0].writes, "/a"))
	for i := range p {
		if w := get(p[i].reads, "/a"); number(w) != written {
			t.Errorf("process %d reads %s after %d: %q", i, w.Body, written, status(w))
		}
	}
	redistest.Eventually(t, func() bool { // an operator has emptied the caches
		return get(p[1].reads, "/b", "Cache-Control", "only-if-cached").Code != http.StatusOK
	})
}

// TestStartsWithoutRedis serves at once, and uses Redis when it comes.
func TestStartsWithoutRedis(t *testing.T) {
	t.Parallel()
	b := new(backend)
	server := redistest.Start(t)
	server.Kill()
	p := launch(t, hasty(server)(t), b, strictAcks)
	for range 3 {
		if w := get(p.reads, "/a"); number(w) != 0 || isRemoteHit(w) {
			t.Errorf("without Redis: %q", status(w))
		}
	}
	put(p.writes, "/a")
	server.Restart()
	p.awaitTrust(t)
	if w := get(p.reads, "/a"); number(w) != 1 {
		t.Errorf("reads %s", w.Body)
	}
	fill(t, p, "/a")
}

// TestStampedeWithoutRedis has many clients fetch one key while Redis is paused or
// gone: who waits for the same response needs to trust nobody.
func TestStampedeWithoutRedis(t *testing.T) {
	for name, away := range map[string]func(*redistest.Server){"paused": (*redistest.Server).Pause, "gone": (*redistest.Server).Kill} {
		t.Run(name, func(t *testing.T) {
			b := new(backend) // one that is fast: its responses land before all have asked
			server := redistest.Start(t)
			p := startAll(t, hasty(server), 2, b)
			away(server)
			awaitDistrust(t, p...)
			before := b.calls.Load()
			var clients sync.WaitGroup
			for i := range 60 {
				clients.Go(func() {
					if w := get(p[i%2].reads, "/cold"); number(w) != 0 || w.Code != http.StatusOK {
						t.Errorf("%d %s", w.Code, w.Body)
					}
				})
			}
			clients.Wait()
			if calls := b.calls.Load() - before; calls != 2 {
				t.Errorf("%d calls of the upstream by two processes", calls)
			}
		})
	}
}
