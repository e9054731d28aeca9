package ratelimit

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// limit is one limit with its counts.
type limit struct {
	policy.RateLimit
	tiers []tier // the first is for whom no other is
	group string // in the store, of a limit that has a count with others; else ""
	order uint64 // in which counts are locked
}

// tier is a rate of a limit. Each has counts of its own, so that a client that
// changes its tier neither brings debts along nor loses them.
type tier struct {
	quota   quota
	name    string  // in the store
	policy  string  // its member of the policy field
	local   *debts  // what is counted in memory; nil if nothing is
	refused *debts  // debts that the store told of when it refused
	leases  *leases // nil without leases
}

// counted numbers limits, so that requests under several lock them in one order.
var counted atomic.Uint64

// newLimit returns a limit whose counts are within a memory. Those of a global one
// are a few for each tier, and no part of it.
func newLimit(p policy.RateLimit, m *Memory, start time.Time) *limit {
	l := &limit{RateLimit: p, order: counted.Add(1)}
	if p.Key.Source == policy.KeyGlobal {
		m = nil
	}
	l.tiers = append(l.tiers, newTier(p, 0, p.Requests, p.Burst, m, start))
	for i, each := range p.Tiers {
		l.tiers = append(l.tiers, newTier(p, i+1, each.Requests, each.Burst, m, start))
	}
	return l
}

func newTier(p policy.RateLimit, index int, requests, burst int64, m *Memory, start time.Time) tier {
	t := tier{
		quota:  newQuota(requests, burst, p.Interval),
		name:   p.Name + "/" + strconv.Itoa(index),
		policy: policyMember(p, requests, burst),
	}
	if !p.Shared || p.OnStoreFailure == policy.FailureLocal {
		t.local = newDebts(t.quota, m, start)
	}
	if p.Shared {
		t.refused = newDebts(t.quota, m, start)
	}
	if lease := min(p.Lease, burst); p.Shared && lease > 1 {
		t.leases = newLeases(m, start, lease, t.quota.earned(lease))
	}
	return t
}

// earned is how long units take to be earned back, rounded up.
func (q *quota) earned(units int64) time.Duration {
	return q.until(wide{}, product(uint64(units), q.interval))
}

// tierOf returns the index of the first tier whose claim has its value, and 0
// where none has.
func (l *Limiter) tierOf(r *http.Request, limit *limit) int {
	for i, each := range limit.Tiers {
		if slices.Contains(l.opts.Claim(r, each.Claim), each.Value) {
			return i + 1
		}
	}
	return 0
}

// rate describes the tier's quota to people.
func (l *limit) rate(tier int) string {
	q := &l.tiers[tier].quota
	return fmt.Sprintf("%d requests per %v, at most %d at once", q.requests, l.Interval, q.burst)
}
