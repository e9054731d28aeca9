package ratelimit

import (
	"crypto/rand"
	"crypto/sha256"
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
	salt  [sha256.Size]byte
}

// fold bounds the length of a key.
func (l *limit) fold(key string) string {
	if len(key) <= MaxKeyBytes {
		return key
	}
	sum := sha256.Sum256(append(l.salt[:], key...))
	return string(sum[:])
}

// tier is a rate of a limit. Each has counts of its own, so that a client that
// changes its tier neither brings debts along nor loses them.
type tier struct {
	quota   quota
	name    string  // in the store
	policy  string  // its member of the policy field
	local   *table  // what is counted in memory; nil if nothing is
	refused *table  // debts that the store told of when it refused
	leases  *leases // nil without leases
}

// counted numbers limits, so that requests under several lock them in one order.
var counted atomic.Uint64

// newLimit shares keys among the limit's tiers and tables.
func newLimit(p policy.RateLimit, keys int) (*limit, error) {
	l := &limit{RateLimit: p, order: counted.Add(1)}
	if _, err := rand.Read(l.salt[:]); err != nil {
		return nil, err
	}
	keys = max(keys/(1+len(p.Tiers)), 1)
	if p.Key.Source == policy.KeyGlobal {
		keys = 1
	}
	l.tiers = append(l.tiers, newTier(p, 0, p.Requests, p.Burst, keys))
	for i, each := range p.Tiers {
		l.tiers = append(l.tiers, newTier(p, i+1, each.Requests, each.Burst, keys))
	}
	return l, nil
}

func newTier(p policy.RateLimit, index int, requests, burst int64, keys int) tier {
	t := tier{
		quota:  newQuota(requests, burst, p.Interval),
		name:   p.Name + "/" + strconv.Itoa(index),
		policy: policyMember(p, requests, burst),
	}
	if !p.Shared || p.OnStoreFailure == policy.FailureLocal {
		t.local = newTable(keys)
	}
	if p.Shared {
		t.refused = newTable(keys)
	}
	if lease := min(p.Lease, burst); p.Shared && lease > 1 {
		t.leases = newLeases(keys, lease, t.quota.earned(lease))
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
