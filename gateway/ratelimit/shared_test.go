package ratelimit_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

func TestSharedLimitsAgreeAcrossProcesses(t *testing.T) {
	store := newMemoryStore()
	limit := sharedBy("x", policy.KeyHeader, 10, 10, time.Minute)
	one, two := newFleet(t, store, limit), newFleet(t, store, limit)
	if got := one.admit("k", 7) + two.admit("k", 7) + one.admit("k", 7); got != 10 {
		t.Errorf("%d admitted, want 10", got)
	}
	if got := two.admit("another", 1); got != 1 {
		t.Error("keys are not apart")
	}
	store.pass(12 * time.Second)
	if got := one.admit("k", 3) + two.admit("k", 3); got != 2 {
		t.Errorf("%d admitted after 12 s, want 2", got)
	}
}

// TestSharedDecisionsAreThoseOfALocalLimit but for the store's clock.
func TestSharedDecisionsAreThoseOfALocalLimit(t *testing.T) {
	store := newMemoryStore()
	shared := newFleet(t, store, sharedBy("x", policy.KeyHeader, 7, 3, time.Minute))
	local := newLimiter(t, limitBy("x", policy.KeyHeader, 7, 3, time.Minute))
	for i, units := range []int64{1, 2, 1, 1, 3, 2, 4, 1, 1} {
		_, got := shared.askUnits("k", units)
		if want := decide(local, store.now, "k", units); got[0] != want {
			t.Errorf("step %d: %+v, want %+v", i, got[0], want)
		}
		store.pass(time.Duration(i) * 3333333 * time.Microsecond)
	}
}

func TestSharedLimitsAreOneRoundTrip(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store,
		sharedBy("a", policy.KeyHeader, 5, 5, time.Minute),
		limitBy("here", policy.KeyHeader, 100, 100, time.Minute),
		sharedBy("b", policy.KeyHeader, 3, 3, time.Minute))
	if got := f.admit("k", 10); got != 3 {
		t.Fatalf("%d admitted, want 3", got)
	}
	// The fourth learned that b refuses. Nobody asked again.
	if len(store.calls) != 4 {
		t.Errorf("%d calls, want 4", len(store.calls))
	}
	group := store.calls[0][0]
	if !strings.HasPrefix(group, "/shop.Shop/Buy/") || strings.Contains(group, "k}") {
		t.Errorf("group = %q", group)
	}
	if diff := cmp.Diff([]string{group, "a/0", "b/0"}, store.calls[0]); diff != "" {
		t.Errorf("the first call (-want +got):\n%s", diff)
	}
	_, said := f.ask("k")
	if !said[0].Unknown || said[1].Remaining != 97 || said[2].Allowed || said[2].RetryAfter != 20*time.Second {
		t.Errorf("decisions = %+v", said)
	}
}

func TestSharedLimitsOfSeveralKeysLieTogether(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store,
		sharedBy("all", policy.KeyGlobal, 5, 5, time.Minute),
		sharedBy("each", policy.KeyHeader, 3, 3, time.Minute))
	f.ask("a")
	f.ask("b")
	one, two := store.calls[0], store.calls[1]
	if one[0] != "/shop.Shop/Buy" || two[0] != one[0] || one[1] != "all/0" || two[1] != "all/0" || one[2] == two[2] {
		t.Errorf("calls = %q", store.calls)
	}
	if strings.Contains(strings.Join(one, ""), "/a") || len(one[2]) > 40 {
		t.Errorf("the key itself is in the name %q", one[2])
	}
}

func TestOversizedKeysAreShortInTheStore(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store, sharedBy("x", policy.KeyHeader, 1, 1, time.Minute))
	long := strings.Repeat("k", 1<<20)
	if f.admit(long, 2) != 1 || f.admit(long+"k", 2) != 1 {
		t.Error("long keys are not counted, or not apart")
	}
	for _, call := range store.calls {
		if len(call[0]) > 64 {
			t.Errorf("a group of %d bytes", len(call[0]))
		}
	}
}

// TestARefusedKeyIsNotAskedAgain before its time, and is asked at its time.
func TestARefusedKeyIsNotAskedAgain(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store, sharedBy("x", policy.KeyHeader, 10, 2, time.Minute))
	f.admit("k", 3)
	asked := len(store.calls)
	for range 59 {
		store.pass(100 * time.Millisecond)
		if ok, said := f.ask("k"); ok || said[0].RetryAfter <= 0 || said[0].RetryAfter >= 6*time.Second {
			t.Fatalf("decision = %+v", said[0])
		}
	}
	if len(store.calls) != asked {
		t.Errorf("the store was asked %d times more", len(store.calls)-asked)
	}
	if ok, _ := f.askUnits("k", 3); ok || len(store.calls) != asked {
		t.Error("a request above the burst asked the store")
	}
	store.pass(100 * time.Millisecond)
	if ok, _ := f.ask("k"); !ok || len(store.calls) != asked+1 {
		t.Errorf("at its time: %v", ok)
	}
}

func TestALargerRefusalLeavesSmallerRequestsAlone(t *testing.T) {
	f := newFleet(t, newMemoryStore(), sharedBy("x", policy.KeyHeader, 10, 5, time.Minute))
	f.askUnits("k", 3)
	if ok, said := f.askUnits("k", 4); ok || said[0].Remaining != 2 {
		t.Fatalf("4 of 2: %+v", said)
	}
	if ok, _ := f.askUnits("k", 2); !ok {
		t.Error("2 of 2 are refused, as 4 were")
	}
}

func TestLocalChargesAreGivenBack(t *testing.T) {
	f := newFleet(t, newMemoryStore(),
		limitBy("here", policy.KeyHeader, 10, 10, time.Minute),
		sharedBy("there", policy.KeyGlobal, 3, 3, time.Hour))
	if got := f.admit("k", 3); got != 3 {
		t.Fatalf("%d admitted", got)
	}
	for range 20 {
		if ok, said := f.ask("k"); ok || said[0].Remaining != 7 || !said[0].Allowed {
			t.Fatalf("%v: %+v", ok, said)
		}
	}
}

func TestALocalRefusalAsksNoStore(t *testing.T) {
	store := newMemoryStore()
	f := newFleet(t, store,
		limitBy("here", policy.KeyHeader, 10, 2, time.Minute),
		sharedBy("there", policy.KeyHeader, 100, 100, time.Hour))
	if got := f.admit("k", 9); got != 2 || len(store.calls) != 2 {
		t.Errorf("%d admitted, %d calls", got, len(store.calls))
	}
}

func withoutStore(limit policy.RateLimit, do policy.StoreFailure) policy.RateLimit {
	limit.OnStoreFailure = do
	return limit
}

func TestStoreFailure(t *testing.T) {
	limit := sharedBy("x", policy.KeyHeader, 10, 5, time.Minute)
	for _, test := range []struct {
		do   policy.StoreFailure
		want int
	}{{policy.FailureAllow, 20}, {policy.FailureDeny, 0}, {policy.FailureLocal, 5}} {
		store := newMemoryStore()
		f := newFleet(t, store, withoutStore(limit, test.do), limitBy("here", policy.KeyGlobal, 100, 100, time.Minute))
		f.admit("other", 1)
		store.err = errors.New("gone")
		if got := f.admit("k", 20); got != test.want {
			t.Errorf("%v: %d admitted, want %d", test.do, got, test.want)
		}
		if len(f.failed) != 20 || f.failed[0] != "x" {
			t.Errorf("%v: told of %v", test.do, f.failed)
		}
		ok, said := f.ask("k")
		charged := int64(1 + test.want)
		if ok {
			charged++
		}
		if !said[0].StoreFailed || said[1].Remaining != 100-charged {
			t.Errorf("%v: %+v, want what was refused to be given back", test.do, said)
		}
		store.err = nil
		if got := f.admit("k", 20); got != 5 {
			t.Errorf("%v: %d admitted by the store that is back, want 5", test.do, got)
		}
	}
}

func TestStoreFailureOfSeveralLimits(t *testing.T) {
	limit := sharedBy("x", policy.KeyHeader, 10, 5, time.Minute)
	named := func(name string, do policy.StoreFailure) policy.RateLimit {
		each := withoutStore(limit, do)
		each.Name = name
		return each
	}
	store := newMemoryStore()
	store.err = errors.New("gone")
	f := newFleet(t, store, named("allow", policy.FailureAllow), named("alone", policy.FailureLocal), named("deny", policy.FailureDeny))
	for range 10 {
		ok, said := f.ask("k")
		if ok || !said[0].Allowed || said[1].Remaining != 5 || said[2].Allowed || said[2].RetryAfter != time.Second {
			t.Fatalf("%v: %+v", ok, said)
		}
	}
}

func TestTiersCountApart(t *testing.T) {
	limit := sharedBy("x", policy.KeyHeader, 10, 2, time.Minute)
	limit.Tiers = []policy.RateLimitTier{{Claim: "plan", Value: "gold", Requests: 100, Burst: 5}}
	local := limit
	local.Name, local.Shared, local.OnStoreFailure = "y", false, policy.FailureUnset
	for _, each := range []policy.RateLimit{limit, local} {
		store := newMemoryStore()
		l, err := ratelimit.New([]policy.RateLimit{each}, ratelimit.Options{
			Key: byHeader, OnError: ignore, Store: store, Scope: "s",
			Claim: func(*http.Request, string) []string { return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		admitted := map[int]int{}
		for i := range 40 {
			charge := []ratelimit.Charge{{Key: "k", Units: 1, Tier: i % 2}}
			if l.Decide(context.Background(), store.now, charge, make([]ratelimit.Decision, 1)) {
				admitted[i%2]++
			}
		}
		if diff := cmp.Diff(map[int]int{0: 2, 1: 5}, admitted); diff != "" {
			t.Errorf("%s admitted (-want +got):\n%s", each.Name, diff)
		}
	}
}

func TestShadowLimitsRefuseNothing(t *testing.T) {
	for _, shared := range []bool{false, true} {
		store := newMemoryStore()
		tight, wide := limitBy("tight", policy.KeyHeader, 10, 2, time.Minute), limitBy("wide", policy.KeyHeader, 10, 5, time.Minute)
		if shared {
			tight, wide = sharedBy("tight", policy.KeyHeader, 10, 2, time.Minute), sharedBy("wide", policy.KeyHeader, 10, 5, time.Minute)
		}
		tight.Shadow = true
		f := newFleet(t, store, tight, wide)
		refused := 0
		for i := range 8 {
			ok, said := f.ask("k")
			if ok != (i < 5) {
				t.Errorf("shared %v, request %d: %v", shared, i, ok)
			}
			if ok && !said[0].Allowed {
				refused++
			}
		}
		if refused != 3 {
			t.Errorf("shared %v: the shadow would have refused %d, want 3", shared, refused)
		}
	}
}

func TestDecideSharedConcurrently(t *testing.T) {
	const burst, processes, workers, each = 1000, 4, 8, 100
	store := newMemoryStore()
	limit := sharedBy("x", policy.KeyHeader, 1, burst, 24*time.Hour)
	local := limitBy("here", policy.KeyHeader, 1, burst, 24*time.Hour)
	var admitted atomic.Int64
	var all sync.WaitGroup
	for range processes {
		f := newFleet(t, store, local, limit)
		for range workers {
			all.Go(func() { admitted.Add(int64(f.admit("k", each))) })
		}
	}
	all.Wait()
	if got := admitted.Load(); got != burst {
		t.Errorf("%d admitted, want %d", got, burst)
	}
}
