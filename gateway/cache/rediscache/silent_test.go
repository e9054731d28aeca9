package rediscache_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// impatient waits for Redis about as long as a gateway does.
func impatient(o *options) { o.remote.AckTimeout = 40 * time.Millisecond }

// cutOff is a fleet of two whose first process reaches Redis through a proxy.
type cutOff struct {
	server         *redistest.Server
	proxy          *redistest.Proxy
	backend        *backend
	writer, reader *process
}

func newCutOff(t *testing.T, change ...func(*options)) cutOff {
	t.Helper()
	c := cutOff{server: redistest.Start(t), backend: new(backend)}
	c.proxy = redistest.StartProxy(t, c.server)
	c.writer = launch(t, c.client(t), c.backend, append(change, impatient)...)
	c.reader = launch(t, c.server.Open(t), c.backend, impatient)
	awaitTrust(t, c.writer, c.reader)
	return c
}

// client is one behind the proxy.
func (c cutOff) client(t *testing.T) *redis.Client {
	return redistest.Open(t, redis.Options{Addresses: []string{c.proxy.Addr}, Timeout: 50 * time.Millisecond})
}

// keepsUp has a process respond with what was written, and says what became of
// a response that was stored before.
func keepsUp(t *testing.T, p *process, target string, written int64) {
	t.Helper()
	redistest.Eventually(t, func() bool { return number(get(p.reads, target)) >= written })
}

// TestWriterCutOff has a process write that cannot tell the others. They serve
// what they have no longer than the bound, and go on to store.
func TestWriterCutOff(t *testing.T) {
	t.Parallel()
	c := newCutOff(t)
	fill(t, c.reader, "/a")
	c.proxy.Cut()
	written := number(put(c.writer.writes, "/a"))
	if c.writer.events.of(rediscache.EventPending) == 0 {
		t.Fatalf("the purge was delivered: %s", c.writer.events)
	}
	keepsUp(t, c.reader, "/a", written)
	awaitTrust(t, c.reader) // still, or again where it got no processor
	if c.reader.events.of(rediscache.EventSilent) != 1 {
		t.Errorf("the reader noticed nothing: %s", c.reader.events)
	}
	redistest.Eventually(t, func() bool { return isHit(get(c.reader.reads, "/a")) })
	for range 3 { // and each time again
		written = number(put(c.writer.writes, "/a"))
		keepsUp(t, c.reader, "/a", written)
	}
	c.proxy.Heal()
	awaitTrust(t, c.writer)
	redistest.Eventually(t, func() bool { return c.reader.remote.Oldest(time.Now()).IsZero() })
	for _, p := range []*process{c.writer, c.reader} {
		if got := number(get(p.reads, "/a")); got != written {
			t.Errorf("healed: reads %d after %d", got, written)
		}
	}
	if c.reader.events.of(rediscache.EventForgotten) > 0 {
		t.Error("everything was voided, though all was delivered")
	}
	redistest.Eventually(t, func() bool { // and purges are told at once again
		told := c.writer.events.of(rediscache.EventPurged)
		put(c.writer.writes, "/a")
		return c.writer.events.of(rediscache.EventPurged) > told
	})
}

// TestLateProofs has each reply come late, and with it the purges before it: a reply says
// nothing of the time between its request and its coming, and is trusted for no longer.
func TestLateProofs(t *testing.T) {
	t.Parallel()
	c := newCutOff(t)
	c.proxy.Delay(bound * 5 / 12) // less than a lease, and more than half of one
	awaitDistrust(t, c.writer)
	for end := time.Now().Add(3 * bound); time.Now().Before(end); {
		if c.writer.remote.Trusted(time.Now()) {
			t.Fatal("trusted, though purges may be under way for as long as a proof holds")
		}
		<-time.After(10 * time.Millisecond)
	}
}

// TestWriterCutOffBound races reads through one process with writes through
// another that is cut off now and then. Nobody reads what is older than a write
// that was answered a bound before.
func TestWriterCutOffBound(t *testing.T) {
	t.Parallel()
	c := newCutOff(t)
	var written history
	for round := range 4 {
		target := fmt.Sprint("/", round%2)
		fill(t, c.reader, target)
		if round > 0 {
			c.proxy.Cut()
		}
		for end := time.Now().Add(2 * bound); time.Now().Before(end); {
			written.add(target, number(put(c.writer.writes, target)))
			for range 50 {
				begun := time.Now()
				if got, least := number(get(c.reader.reads, target)), written.before(target, begun.Add(-bound)); got < least {
					t.Fatalf("round %d: reads %d, and %d was answered a bound before: %s", round, got, least, c.reader.events)
				}
				<-time.After(time.Millisecond)
			}
		}
		c.proxy.Heal()
		awaitTrust(t, c.writer, c.reader)
	}
}

// history says what had been answered at any time.
type history struct {
	mu      sync.Mutex
	answers map[string][]answer
}

type answer struct {
	value int64
	at    time.Time
}

func (h *history) add(target string, value int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.answers == nil {
		h.answers = make(map[string][]answer)
	}
	h.answers[target] = append(h.answers[target], answer{value, time.Now()})
}

func (h *history) before(target string, at time.Time) (value int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.answers[target] {
		if a.at.Before(at) {
			value = max(value, a.value)
		}
	}
	return value
}

// TestEndCutOff ends a process with a purge that it could not deliver. It says so,
// and once it is back under its name nobody serves what it has made old, it neither.
func TestEndCutOff(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	named := func(o *options) { o.remote.Name = "gateway-1" }
	c := newCutOff(t, named, func(o *options) { o.remote.Logger = slog.New(slog.NewTextHandler(&lines, nil)) })
	fill(t, c.reader, "/a")
	fill(t, c.reader, "/b")
	c.proxy.Cut()
	written := number(put(c.writer.writes, "/a"))
	put(c.writer.writes, "/b")
	c.writer.remote.Close()
	if !strings.Contains(lines.String(), "could not be delivered") || !strings.Contains(lines.String(), "tags=2") ||
		c.writer.events.of(rediscache.EventPurgeLost) != 1 {
		t.Errorf("the end of a process that lost a purge: %s\n%s", c.writer.events, lines.String())
	}
	c.proxy.Drop() // or it would come through late
	c.proxy.Heal()
	again := launch(t, c.client(t), c.backend, impatient, named)
	awaitTrust(t, again)
	redistest.Eventually(t, func() bool { return c.reader.remote.Oldest(time.Now()).IsZero() })
	for _, p := range []*process{again, c.reader} {
		for _, target := range []string{"/a", "/b"} {
			if w := get(p.reads, target); number(w) != written {
				t.Errorf("reads %s of %s after %d: %q", w.Body, target, written, status(w))
			}
		}
	}
	if again.events.of(rediscache.EventForgotten)+c.reader.events.of(rediscache.EventForgotten) != 1 {
		t.Errorf("%s and %s", again.events, c.reader.events)
	}
}

// TestEndDelivers ends a process whose purge waits for Redis just then.
func TestEndDelivers(t *testing.T) {
	t.Parallel()
	c := newCutOff(t)
	fill(t, c.reader, "/a")
	c.proxy.Cut()
	written := number(put(c.writer.writes, "/a"))
	closed := make(chan struct{})
	go func() { defer close(closed); c.writer.remote.Close() }()
	c.proxy.Heal()
	<-closed
	if got := number(get(c.reader.reads, "/a")); got != written || c.writer.events.of(rediscache.EventPurgeLost) > 0 {
		t.Errorf("reads %d after %d: %s", got, written, c.writer.events)
	}
}

// TestLeft ends a process that has delivered everything: the others stay as they are.
func TestLeft(t *testing.T) {
	t.Parallel()
	c := newCutOff(t)
	fill(t, c.reader, "/a")
	c.writer.remote.Close()
	r := raw{t, c.server.Open(t).Conn()}
	if n, err := r.do("ZCARD", "{venta:cache}:members").AsInt64(); err != nil || n != 1 {
		t.Errorf("%d members, %v", n, err)
	}
	for end := time.Now().Add(2 * bound); time.Now().Before(end); {
		if !c.reader.remote.Oldest(time.Now()).IsZero() {
			t.Fatal("who has left is taken to be silent")
		}
		<-time.After(10 * time.Millisecond)
	}
}

// TestForgotten has a process die. For a while the others serve nothing old, then
// they void everything once and go on.
func TestForgotten(t *testing.T) {
	t.Parallel()
	c := newCutOff(t, func(o *options) { o.remote.ForgetAfter = 3 * bound })
	c.server.Do("ZADD", "{venta:cache}:members", "1", "-:of-another-age") // long ago
	redistest.Eventually(t, func() bool {
		return c.reader.events.of(rediscache.EventForgotten)+c.writer.events.of(rediscache.EventForgotten) > 0
	})
	c.server.Do("ZADD", "{venta:cache}:members", "99999999999999", "-:of-another-clock")
	redistest.Eventually(t, func() bool { return c.reader.events.of(rediscache.EventSilent) > 0 })
	awaitTrust(t, c.reader)
	fill(t, c.reader, "/a")
	redistest.Eventually(t, func() bool {
		return c.writer.events.of(rediscache.EventForgotten)+c.reader.events.of(rediscache.EventForgotten) > 1
	})
	redistest.Eventually(t, func() bool { return c.reader.remote.Oldest(time.Now()).IsZero() })
}

// TestHeardByNobody purges where the server has lost the own subscription: that is
// no purge that came through.
func TestHeardByNobody(t *testing.T) {
	t.Parallel()
	server, p := fleet(t, 1, new(backend))
	fill(t, p[0], "/a")
	channel := "{venta:cache}:purge"
	server.Do("SPUBLISH", channel, "\x01\x01") // malformed: heard, and no reply
	var heardByAll cache.Delivery
	redistest.Eventually(t, func() bool {
		server.Do("CLIENT", "KILL", "TYPE", "pubsub")
		heardByAll = p[0].store.PurgeEverywhere(context.Background(), "value:/a")
		return heardByAll.Pending
	})
	if heardByAll.Complete() {
		t.Errorf("%+v", heardByAll)
	}
	p[0].awaitTrust(t)
}
