package ratelimit_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

func leased(requests, burst int64, interval time.Duration, lease int64) policy.RateLimit {
	limit := sharedBy("x", policy.KeyHeader, requests, burst, interval)
	limit.Lease = lease
	return limit
}

func TestLeasesSpareTheStore(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store, leased(100, 100, time.Minute, 10))
	if got := f.admit("k", 100); got != 100 {
		t.Errorf("%d admitted, want 100", got)
	}
	if len(store.calls) != 10 {
		t.Errorf("%d calls, want 10", len(store.calls))
	}
	if got := f.admit("k", 1); got != 0 {
		t.Error("the limit is not kept")
	}
}

// TestLeasesTakeWhatIsThere: where the burst no longer covers a lease, units are
// taken one by one to the last.
func TestLeasesTakeWhatIsThere(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store, leased(60, 25, time.Minute, 10))
	if got := f.admit("k", 50); got != 25 {
		t.Errorf("%d admitted, want 25", got)
	}
}

// TestLeasesError holds the stated error: between processes that share a key,
// at most lease-1 units each are left unspent, and none is admitted above the limit.
func TestLeasesError(t *testing.T) {
	const burst, lease, processes = 100, 10, 4
	store := newMemoryStore()
	limit := leased(1, burst, 24*time.Hour, lease)
	admitted := 0
	for range processes {
		admitted += newFleet(t, store, limit).admit("k", 1)
	}
	if spent := newFleet(t, store, limit).admit("k", burst); admitted+spent != burst-processes*(lease-1) {
		t.Errorf("%d admitted, want %d", admitted+spent, burst-processes*(lease-1))
	}
}

// TestLeasesInAWindow: units that were leased in one window may be spent in the
// next, lease-1 for each process and no more.
func TestLeasesInAWindow(t *testing.T) {
	const burst, lease, processes = 100, 10, 4
	store := newMemoryStore()
	limit := leased(burst, burst, time.Minute, lease)
	var fleets []*fleet
	for range processes {
		f := newFleet(t, store, limit)
		f.admit("k", 1)
		fleets = append(fleets, f)
	}
	store.pass(time.Second)
	window := 0
	for range 200 {
		for _, f := range fleets {
			window += f.admit("k", 1)
		}
	}
	// What the shared count had left, what it earned, and what was leased before.
	if most := burst - processes*lease + 1 + processes*(lease-1); window > most || window < most-processes*(lease-1) {
		t.Errorf("%d admitted, want at most %d", window, most)
	}
}

func TestLeasesExpire(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store, leased(60, 60, time.Minute, 10)) // ten units are ten seconds
	f.admit("k", 1)
	store.pass(10*time.Second - time.Microsecond)
	if f.admit("k", 1); len(store.calls) != 1 {
		t.Errorf("%d calls: the lease ended early", len(store.calls))
	}
	store.pass(time.Microsecond)
	if f.admit("k", 1); len(store.calls) != 2 {
		t.Errorf("%d calls: the lease did not expire", len(store.calls))
	}
}

func TestLeasesPayRequestsOfSeveralUnits(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store, leased(60, 40, time.Minute, 10))
	admitted := int64(0)
	for _, units := range []int64{4, 4, 4, 10, 15, 1, 1, 1, 1, 1, 1} {
		if ok, _ := f.askUnits("k", units); ok {
			admitted += units
		}
	}
	if admitted != 40 {
		t.Errorf("%d units admitted, want 40", admitted)
	}
}

func TestLeasesAreGivenBackWhenAnotherLimitRefuses(t *testing.T) {
	store := newMemoryStore()
	narrow := sharedBy("narrow", policy.KeyHeader, 1, 2, time.Hour)
	f := newFleet(t, store, leased(60, 60, time.Minute, 10), narrow)
	f.admit("k", 20)
	_, said := f.ask("k")
	if !said[0].Unknown || said[1].Allowed {
		t.Fatalf("decisions = %+v", said)
	}
	if got := newFleet(t, store, leased(60, 60, time.Minute, 10)).admit("k", 60); got != 50 {
		t.Errorf("%d units are left, want 50: one lease of ten was taken", got)
	}
}

func TestLeasesAfterAStoreFailure(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store, leased(60, 60, time.Minute, 10))
	store.err = errors.New("gone")
	if got := f.admit("k", 3); got != 0 {
		t.Fatalf("%d admitted without the store", got)
	}
	store.err = nil
	before := len(store.calls)
	if got := f.admit("k", 10); got != 10 || len(store.calls) != before+1 {
		t.Errorf("%d admitted in %d calls: no lease was taken", got, len(store.calls)-before)
	}
	store.err = errors.New("gone")
	f.admit("j", 1)
	if got := len(f.failed); got != 4 {
		t.Errorf("%d failures told, want 4", got)
	}
}

func TestLeasesConcurrently(t *testing.T) {
	const burst, lease, processes, workers, each = 1000, 10, 4, 8, 100
	store := newMemoryStore()
	limit := leased(1, burst, 24*time.Hour, lease)
	var admitted atomic.Int64
	var all sync.WaitGroup
	for range processes {
		f := newFleet(t, store, limit)
		for range workers {
			all.Go(func() { admitted.Add(int64(f.admit("k", each))) })
		}
	}
	all.Wait()
	if got := admitted.Load(); got > burst || got < burst-processes*(lease-1) {
		t.Errorf("%d admitted, want %d to %d", got, burst-processes*(lease-1), burst)
	}
}

// TestLeasesOfManyKeys stay within their bound and cost no correctness.
func TestLeasesOfManyKeys(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store, leased(60, 20, time.Minute, 10))
	for i := range 5000 {
		if got := f.admit(fmt.Sprint(i), 1); got != 1 {
			t.Fatal("a new key is refused")
		}
	}
	if got := f.admit("k", 30); got != 20 {
		t.Errorf("%d admitted, want 20", got)
	}
}
