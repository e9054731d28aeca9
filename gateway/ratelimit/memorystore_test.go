package ratelimit_test

import (
	"context"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit"
)

// memoryStore is a Store in this process, in numbers of any size.
type memoryStore struct {
	mu    sync.Mutex
	tats  map[string]*big.Int
	now   time.Time
	err   error
	calls [][]string // the names of each call's asks, after their group
}

func newMemoryStore() *memoryStore {
	return &memoryStore{tats: make(map[string]*big.Int), now: time.Now().Add(time.Hour).Truncate(time.Microsecond)}
}

func (s *memoryStore) Charge(_ context.Context, group string, asks []ratelimit.Ask, counts []ratelimit.Count) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := []string{group}
	for _, ask := range asks {
		call = append(call, ask.Name)
	}
	s.calls = append(s.calls, call)
	if s.err != nil {
		return s.err
	}
	next := make([]*big.Int, len(asks))
	admitted := true
	for i, ask := range asks {
		next[i], counts[i].Verdict = s.weigh(group+ask.Name, ask)
		admitted = admitted && (next[i] != nil || ask.Shadow)
	}
	for i, ask := range asks {
		switch {
		case next[i] == nil:
		case !admitted:
			counts[i].Verdict = ratelimit.Spared
		default:
			s.tats[group+ask.Name] = next[i]
		}
		counts[i].Now = s.now.UnixMicro()
		counts[i].TAT = s.span(s.tat(group+ask.Name, ask), ask)
	}
	return nil
}

// weigh returns the TAT after a charge, or nil if it is not covered.
func (s *memoryStore) weigh(name string, ask ratelimit.Ask) (*big.Int, ratelimit.Verdict) {
	end := new(big.Int).Add(ticks(ratelimit.Span{Micros: s.now.UnixMicro()}, ask), ticks(ask.Burst, ask))
	costs := []struct {
		span    ratelimit.Span
		verdict ratelimit.Verdict
	}{{ask.Want, ratelimit.ChargedWant}, {ask.Need, ratelimit.ChargedNeed}}
	for _, cost := range costs {
		if next := new(big.Int).Add(s.tat(name, ask), ticks(cost.span, ask)); next.Cmp(end) <= 0 {
			return next, cost.verdict
		}
	}
	return nil, ratelimit.Refused
}

func (s *memoryStore) tat(name string, ask ratelimit.Ask) *big.Int {
	now := ticks(ratelimit.Span{Micros: s.now.UnixMicro()}, ask)
	if tat := s.tats[name]; tat != nil && tat.Cmp(now) > 0 {
		return tat
	}
	return now
}

func ticks(span ratelimit.Span, ask ratelimit.Ask) *big.Int {
	t := new(big.Int).Mul(big.NewInt(span.Micros), big.NewInt(ask.Parts))
	return t.Add(t, big.NewInt(span.Parts))
}

func (s *memoryStore) span(tat *big.Int, ask ratelimit.Ask) ratelimit.Span {
	micros, parts := new(big.Int).DivMod(tat, big.NewInt(ask.Parts), new(big.Int))
	return ratelimit.Span{Micros: micros.Int64(), Parts: parts.Int64()}
}

func (s *memoryStore) pass(d time.Duration) { s.now = s.now.Add(d) }

// fleet is a Limiter over a memoryStore whose clock is the limiter's.
type fleet struct {
	*ratelimit.Limiter
	store  *memoryStore
	limits []policy.RateLimit
	failed []string
}

func sharedBy(name string, source policy.RateLimitSource, requests, burst int64, interval time.Duration) policy.RateLimit {
	limit := limitBy(name, source, requests, burst, interval)
	limit.Shared, limit.OnStoreFailure = true, policy.FailureDeny
	return limit
}

func newFleet(t testing.TB, store *memoryStore, limits ...policy.RateLimit) *fleet {
	t.Helper()
	f := &fleet{store: store, limits: limits}
	l, err := ratelimit.New(limits, ratelimit.Options{
		Key: byHeader, OnError: ignore, Store: store, Scope: "/shop.Shop/Buy",
		OnStoreFailure: func(_ context.Context, limit string, _ error) { f.failed = append(f.failed, limit) },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Limiter = l
	return f
}

// ask decides a request of one unit of each limit, all under one key.
func (f *fleet) ask(key string) (bool, []ratelimit.Decision) { return f.askUnits(key, 1) }

func (f *fleet) askUnits(key string, units int64) (bool, []ratelimit.Decision) {
	charges := make([]ratelimit.Charge, len(f.limits))
	for i, limit := range f.limits {
		charges[i].Units = units
		if limit.Key.Source != policy.KeyGlobal {
			charges[i].Key = key
		}
	}
	decisions := make([]ratelimit.Decision, len(f.limits))
	return f.Decide(context.Background(), f.store.now, charges, decisions), decisions
}

// admit makes n requests and returns how many were admitted.
func (f *fleet) admit(key string, n int) int {
	admitted := 0
	for range n {
		if ok, _ := f.ask(key); ok {
			admitted++
		}
	}
	return admitted
}
