package ratelimit_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

// groups makes Limiters whose limits of one name are one group.
type groups struct {
	start  time.Time
	store  ratelimit.Store
	memory *ratelimit.Memory
	made   map[string]*ratelimit.Group
}

func (g *groups) limiter(t *testing.T, scope string, limits ...policy.RateLimit) *ratelimit.Limiter {
	t.Helper()
	l, err := ratelimit.New(limits, ratelimit.Options{
		Key: byHeader, OnError: ignore, Start: g.start, Memory: g.memory, Store: g.store, Scope: scope,
		Group: func(p policy.RateLimit) *ratelimit.Group {
			if p.Group == "" {
				return nil
			}
			if g.made[p.Group] == nil {
				made, err := ratelimit.NewGroup("gateway/"+p.Group, p, g.memory, g.start)
				if err != nil {
					t.Fatal(err)
				}
				g.made[p.Group] = made
			}
			return g.made[p.Group]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newGroups(store ratelimit.Store) *groups {
	memory, _ := ratelimit.NewMemory(0) // the default is right
	return &groups{start: time.Now(), store: store, memory: memory, made: map[string]*ratelimit.Group{}}
}

func inGroup(l policy.RateLimit, group string) policy.RateLimit {
	l.Group, l.GroupScope = group, policy.GroupPerGateway
	return l
}

// admitted asks n times and counts.
func admitted(l *ratelimit.Limiter, now time.Time, limits int, n int) (count int) {
	charges := slices.Repeat([]ratelimit.Charge{{Key: "k", Units: 1}}, limits)
	for range n {
		if l.Decide(context.Background(), now, charges, make([]ratelimit.Decision, limits)) {
			count++
		}
	}
	return count
}

func TestGroupsHaveOneCount(t *testing.T) {
	ten := limitBy("x", policy.KeyHeader, 10, 10, time.Minute)
	gold := ten
	gold.Tiers = []policy.RateLimitTier{{Claim: "plan", Value: "gold", Requests: 20, Burst: 20}}
	leased := sharedBy("x", policy.KeyHeader, 10, 10, time.Minute)
	leased.Lease = 3
	shadow := ten
	shadow.Shadow = true
	for name, test := range map[string]struct {
		limit policy.RateLimit
		want  int
	}{
		"local":  {ten, 10},
		"shared": {sharedBy("x", policy.KeyHeader, 10, 10, time.Minute), 10},
		"leased": {leased, 10},
		"shadow": {shadow, 18},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGroups(newMemoryStore())
			limit := inGroup(test.limit, "reads")
			v1, v2 := g.limiter(t, "/shop.v1/Get", limit), g.limiter(t, "/shop.v2/Get", limit)
			now := g.start.Add(time.Second)
			if got := admitted(v1, now, 1, 6) + admitted(v2, now, 1, 6) + admitted(v1, now, 1, 6); got != test.want {
				t.Errorf("%d admitted, want %d", got, test.want)
			}
		})
	}
}

// TestGroupsHaveOneKey holds that all members ask for one key of the store, whatever
// other shared limits they have, and that those stay together.
func TestGroupsHaveOneKey(t *testing.T) {
	store := newMemoryStore()
	g := newGroups(store)
	limit := inGroup(sharedBy("reads", policy.KeyHeader, 10, 10, time.Minute), "reads")
	own := sharedBy("own", policy.KeyGlobal, 100, 100, time.Minute)
	other := sharedBy("other", policy.KeyHeader, 100, 100, time.Minute)
	one, two := g.limiter(t, "/shop.v1/Get", limit), g.limiter(t, "/shop.v2/Get", own, limit, other)
	now := g.start.Add(time.Second)
	if got := admitted(one, now, 1, 5) + admitted(two, now, 3, 10); got != 10 {
		t.Errorf("%d admitted, want 10", got)
	}
	if store.calls[0][0] != store.calls[6][0] || store.calls[0][1] != store.calls[6][1] {
		t.Errorf("two keys of one group: %v and %v", store.calls[0], store.calls[6])
	}
	if diff := cmp.Diff("/shop.v2/Get", store.calls[5][0]); diff != "" || len(store.calls[5]) != 3 {
		t.Errorf("the others are asked by %v", store.calls[5])
	}
	if n := len(store.calls); n != 5+2*6 {
		t.Errorf("%d calls: a refusal that is known was asked for again", n)
	}
}

// TestGroupsInAnyOrder holds that requests under the same groups in another order
// wait for each other and not for ever.
func TestGroupsInAnyOrder(t *testing.T) {
	g := newGroups(nil)
	a := inGroup(limitBy("a", policy.KeyHeader, 1e6, 1e6, time.Minute), "a")
	b := inGroup(limitBy("b", policy.KeyHeader, 1e6, 1e6, time.Minute), "b")
	var running sync.WaitGroup
	for _, l := range []*ratelimit.Limiter{g.limiter(t, "/1", a, b), g.limiter(t, "/2", b, a)} {
		for range 4 {
			running.Go(func() { admitted(l, g.start, 2, 5000) })
		}
	}
	running.Wait()
}

func TestUnequalGroupsAreRefused(t *testing.T) {
	g := newGroups(nil)
	limit := inGroup(limitBy("x", policy.KeyHeader, 10, 10, time.Minute), "reads")
	g.limiter(t, "/1", limit)
	limit.Requests = 11
	_, err := ratelimit.New([]policy.RateLimit{limit}, ratelimit.Options{
		Key: byHeader, OnError: ignore, Start: g.start, Group: func(policy.RateLimit) *ratelimit.Group { return g.made["reads"] },
	})
	if err == nil {
		t.Error("accepted")
	}
}
