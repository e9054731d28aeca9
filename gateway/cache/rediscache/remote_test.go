package rediscache_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
)

func TestSecondLevel(t *testing.T) {
	t.Parallel()
	b := new(backend)
	_, p := fleet(t, 2, b)
	if w := get(p[0].reads, "/a"); status(w) != "venta; fwd=uri-miss; stored" {
		t.Errorf("first: %q %s", status(w), p[0].events)
	}
	awaitStored(t, p[0], 1)
	w := get(p[1].reads, "/a")
	if !isRemoteHit(w) || w.Body.String() != "0" || w.Header().Get("Age") != "0" {
		t.Errorf("second process: %q %q, age %q; %s", status(w), w.Body, w.Header().Get("Age"), p[1].events)
	}
	if w := get(p[1].reads, "/a"); !isHit(w) {
		t.Errorf("second process again: %q", status(w))
	}
	if calls := b.calls.Load(); calls != 1 {
		t.Errorf("%d calls of the upstream", calls)
	}
	if got := number(put(p[1].writes, "/a")); got != 1 {
		t.Errorf("wrote %d", got)
	}
	for i := range p {
		if w := get(p[i].reads, "/a"); number(w) != 1 {
			t.Errorf("process %d reads %s after the write: %q", i, w.Body, status(w))
		}
	}
}

// TestReadYourWritesAnywhere lets writers and readers race through all processes
// of a fleet: nobody reads less than what was served before it began.
func TestReadYourWritesAnywhere(t *testing.T) {
	const values, workers, rounds = 4, 8, 400
	b := new(backend)
	_, p := fleet(t, 4, b)
	var acknowledged [values]atomic.Int64
	var hits, remoteHits, writes atomic.Int64
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for range rounds {
				i, via := rand.IntN(values), p[rand.IntN(len(p))]
				target := fmt.Sprint("/", i)
				if rand.IntN(4) == 0 {
					raise(&acknowledged[i], number(put(via.writes, target)))
					writes.Add(1)
					via = p[rand.IntN(len(p))]
				}
				least := acknowledged[i].Load()
				w := get(via.reads, target)
				if got := number(w); got < least {
					t.Errorf("read %d after %d was acknowledged: %q", got, least, status(w))
				}
				count(w, &hits, &remoteHits)
			}
		})
	}
	done.Wait()
	if hits.Load() == 0 || remoteHits.Load() == 0 {
		t.Errorf("%d hits, %d of level 2: nothing was tested", hits.Load(), remoteHits.Load())
	}
	purged := 0
	for i := range p {
		purged += p[i].events.of("remote_purged")
	}
	if int64(purged) != writes.Load() {
		t.Errorf("%d of %d purges were acknowledged by all: %s %s", purged, writes.Load(), p[0].events, p[1].events)
	}
	t.Logf("%d writes, %d hits, %d of level 2, %d calls", writes.Load(), hits.Load(), remoteHits.Load(), b.calls.Load())
}

func count(w *httptest.ResponseRecorder, hits, remoteHits *atomic.Int64) {
	switch {
	case isHit(w):
		hits.Add(1)
	case isRemoteHit(w):
		remoteHits.Add(1)
	}
}

func raise(v *atomic.Int64, n int64) {
	for {
		old := v.Load()
		if old >= n || v.CompareAndSwap(old, n) {
			return
		}
	}
}

// TestStampede fetches one cold key by many clients of all processes.
func TestStampede(t *testing.T) {
	b := &backend{delay: 300 * time.Millisecond}
	_, p := fleet(t, 4, b, func(o *options) {
		o.store.MaxRemoteWait, o.remote.Bound = replyBounds, 3*time.Second // a thousand clients keep a machine busy
	})
	var clients sync.WaitGroup
	for i := range 1000 {
		clients.Go(func() {
			if w := get(p[i%len(p)].reads, "/cold"); number(w) != 0 {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	clients.Wait()
	if calls := b.calls.Load(); calls != 1 {
		t.Errorf("%d calls of the upstream, want 1", calls)
	}
}

func TestPurgeAll(t *testing.T) {
	t.Parallel()
	b := new(backend)
	_, p := fleet(t, 2, b, func(o *options) { o.rule = func(r *cache.Rule) { r.Tags = nil } })
	get(p[0].reads, "/a")
	awaitStored(t, p[0], 1)
	get(p[1].reads, "/a")
	d := p[0].store.PurgeAll(t.Context())
	if !d.Complete() || d.Processes != 2 {
		t.Errorf("%+v", d)
	}
	for i := range p {
		if w := get(p[i].reads, "/a"); i == 0 && isHit(w) || i == 0 && isRemoteHit(w) {
			t.Errorf("process %d: %q", i, status(w))
		}
	}
	if calls := b.calls.Load(); calls < 2 {
		t.Errorf("%d calls", calls)
	}
}
