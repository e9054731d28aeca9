package redislimit_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
	"github.com/venta-hq/venta/gateway/ratelimit/redislimit"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// member is an RPC of a gateway, whose limits with a group are counted in it.
type member struct {
	*ratelimit.Limiter
	limits int
}

// groupGateway is a process: its RPCs have one Group and a client of their own.
func groupGateway(t *testing.T, server *redistest.Server, rpcs map[string][]policy.RateLimit) map[string]member {
	t.Helper()
	store := redislimit.New(server.Open(t))
	memory, err := ratelimit.NewMemory(0)
	if err != nil {
		t.Fatal(err)
	}
	start, groups := time.Now(), map[string]*ratelimit.Group{}
	members := map[string]member{}
	for scope, limits := range rpcs {
		l, err := ratelimit.New(limits, ratelimit.Options{
			Key:     func(*http.Request, policy.RateLimitKey) (string, error) { return "", nil },
			OnError: func(http.ResponseWriter, *http.Request, error) {}, Store: store, Scope: scope, Start: start, Memory: memory,
			Group: func(p policy.RateLimit) *ratelimit.Group {
				if p.Group == "" {
					return nil
				}
				if groups[p.Group] == nil {
					if groups[p.Group], err = ratelimit.NewGroup("gateway/"+p.Group, p, memory, start); err != nil {
						t.Fatal(err)
					}
				}
				return groups[p.Group]
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		members[scope] = member{l, len(limits)}
	}
	return members
}

func (m member) admit(key string) (bool, []ratelimit.Decision) {
	charges, decisions := make([]ratelimit.Charge, m.limits), make([]ratelimit.Decision, m.limits)
	for i := range charges {
		charges[i].Key = key
	}
	return m.Decide(context.Background(), time.Now(), charges, decisions), decisions
}

func grouped(requests int64) policy.RateLimit {
	limit := sharedBy("house", policy.KeyHeader, requests, requests, 24*time.Hour)
	limit.Group, limit.GroupScope = "house", policy.GroupPerGateway
	return limit
}

// TestAGroupOfTwoGatewaysIsExact: two RPCs, of two versions, of two gateways, which
// all ask at a time, admit together what the group says, for each key.
func TestAGroupOfTwoGatewaysIsExact(t *testing.T) {
	const most = 100
	leased := grouped(most)
	leased.Lease = 5
	for name, limit := range map[string]policy.RateLimit{"asked": grouped(most), "leased": leased} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			own := sharedBy("own", policy.KeyHeader, 1e6, 1e6, time.Hour)
			rpcs := map[string][]policy.RateLimit{"/shop.v1.Shop/Get": {limit}, "/shop.v2.Shop/Get": {own, limit}}
			var admitted [2]atomic.Int64
			var running sync.WaitGroup
			for range 2 {
				for _, rpc := range groupGateway(t, server, rpcs) {
					for i, key := range []string{"a", "b"} {
						running.Go(func() {
							for range 2 * most {
								if ok, _ := rpc.admit(key); ok {
									admitted[i].Add(1)
								}
							}
						})
					}
				}
			}
			running.Wait()
			for i := range admitted {
				if got := admitted[i].Load(); got != most {
					t.Errorf("key %d: %d admitted, want %d", i, got, most)
				}
			}
		})
	}
}

// TestWhatARefusalIsChargedFor is what the schema's comment says: what an RPC refuses
// by itself is not charged to its group. What the group refuses is charged to the
// RPC's own shared limit, until the process remembers, and to none of its memory.
func TestWhatARefusalIsChargedFor(t *testing.T) {
	limits := map[string]func(requests int64) policy.RateLimit{
		"local": func(requests int64) policy.RateLimit {
			limit := ownLimit(requests)
			limit.Shared, limit.OnStoreFailure = false, policy.FailureUnset
			return limit
		},
		"shared": ownLimit,
	}
	for name, test := range map[string]struct {
		kind               string
		group, own         int64
		admitted           int
		groupLeft, ownLeft int64
	}{
		"a local limit refuses":          {"local", 10, 1, 1, 9, 0},
		"a shared limit refuses":         {"shared", 10, 1, 1, 9, 0},
		"the group refuses, over local":  {"local", 1, 10, 1, 0, 9},
		"the group refuses, over shared": {"shared", 1, 10, 1, 0, 8},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			own := limits[test.kind](test.own)
			rpcs := groupGateway(t, server, map[string][]policy.RateLimit{"/1": {grouped(test.group), own}, "/2": {grouped(test.group)}})
			admitted := 0
			var said []ratelimit.Decision
			for range 20 {
				ok, decisions := rpcs["/1"].admit("k")
				if ok {
					admitted++
				}
				if !decisions[1].Unknown {
					said = decisions
				}
			}
			if admitted != test.admitted || said[1].Remaining != test.ownLeft {
				t.Errorf("%d admitted and %d of its own left, want %d and %d", admitted, said[1].Remaining, test.admitted, test.ownLeft)
			}
			if _, group := rpcs["/2"].admit("k"); group[0].Remaining != max(test.groupLeft-1, 0) {
				t.Errorf("%d of the group are left after one more, want %d", group[0].Remaining, test.groupLeft-1)
			}
		})
	}
}

func ownLimit(requests int64) policy.RateLimit {
	return sharedBy("own", policy.KeyHeader, requests, requests, 24*time.Hour)
}
