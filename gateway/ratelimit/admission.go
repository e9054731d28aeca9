package ratelimit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// storeRetry is when a client may come back that is refused for want of the store.
const storeRetry = time.Second

// admission decides one request that is under shared limits.
type admission struct {
	*Limiter
	elapsed   time.Duration
	charges   []Charge
	decisions []Decision

	known  set             // shared limits that the store need not count
	leased set             // those that a lease has paid
	taking set             // those that a new lease is taken for
	held   [MaxLimits]hold // what was charged in memory
}

// decide goes by the order of the costs: what is known to be
// refused, what is counted here, and the store.
func (a *admission) decide(ctx context.Context) bool {
	admitted := a.recall()
	admitted = a.charge(a.local, admitted, a.elapsed, a.charges, a.decisions, &a.held)
	admitted = admitted && a.chargeShared(ctx)
	if !admitted {
		a.giveBack()
	}
	return admitted
}

// tier returns what counts the i-th limit for this request.
func (a *admission) tier(i int) *tier { return &a.limits[i].tiers[a.charges[i].Tier] }

// key returns the key that the i-th limit counts this request under.
func (a *admission) key(i int) string { return a.charges[i].Key }

func (a *admission) units(i int) int64 { return max(a.charges[i].Units, 1) }

// recall finds the shared limits that are known to refuse, and reports whether
// the request may still be admitted.
func (a *admission) recall() bool {
	admitted := true
	for i := range a.limits {
		if !a.shared.has(i) {
			continue
		}
		tier, units := a.tier(i), a.units(i)
		now := tier.quota.ticks(a.elapsed)
		tat := tier.refused.debt(a.key(i))
		next, covered := tier.quota.charge(now, tat, units)
		if covered {
			a.decisions[i] = Decision{Allowed: true, Unknown: true}
			continue
		}
		a.known.add(i)
		a.decisions[i] = tier.quota.refuse(now, tat, next, units)
		a.decisions[i].Unknown = tat == (wide{}) // refused for its cost alone
		admitted = admitted && a.limits[i].Shadow
	}
	return admitted
}

// chargeShared spends leases and asks the store for the rest.
func (a *admission) chargeShared(ctx context.Context) bool {
	var open set
	defer a.endTaking()
	for i := range a.limits {
		if a.shared.has(i) && !a.known.has(i) && !a.spendLease(i) {
			open.add(i)
		}
	}
	for _, together := range a.batches {
		if asked := together & open; asked != 0 && !a.askStore(ctx, asked) {
			return false
		}
	}
	return true
}

// askStore asks the store for limits that it decides together.
func (a *admission) askStore(ctx context.Context, asked set) bool {
	var asks []Ask
	group := ""
	for i := range a.limits {
		if asked.has(i) {
			asks, group = append(asks, a.chargeFor(i)), a.group(i)
		}
	}
	counts := make([]Count, len(asks))
	if err := a.opts.Store.Charge(ctx, group, asks, counts); err != nil {
		return a.withoutStore(ctx, asked, err)
	}
	return a.settle(asked, counts)
}

func (a *admission) chargeFor(i int) Ask {
	tier := a.tier(i)
	need := tier.quota.span(a.units(i))
	ask := Ask{
		Name: tier.name, Need: need, Want: need,
		Burst: tier.quota.span(tier.quota.burst), Parts: int64(tier.quota.parts()), Shadow: a.limits[i].Shadow,
	}
	if a.limits[i].group == "" && !a.sameKey && a.limits[i].Key.Source != policy.KeyGlobal {
		ask.Name += "/" + digest(a.charges[i].Key)
	}
	if a.taking.has(i) {
		ask.Want = tier.quota.span(tier.leases.size)
	}
	return ask
}

// group names what the store must be able to decide together with the i-th limit.
// Limits of one key are spread by it; those of several lie together.
func (a *admission) group(i int) string {
	limit := a.limits[i]
	switch {
	case limit.group != "" && limit.Key.Source == policy.KeyGlobal:
		return limit.group
	case limit.group != "":
		return limit.group + "/" + digest(a.charges[i].Key)
	case a.sameKey:
		return a.opts.Scope + "/" + digest(a.charges[i].Key)
	default:
		return a.opts.Scope
	}
}

// digest names a key in the store, which thus holds no addresses and no
// secrets, and no names of more than a few bytes.
func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// sameKey reports whether all shared limits without a group are counted under one
// and the same key of the request.
func sameKey(limits []policy.RateLimit) bool {
	var first *policy.RateLimitKey
	for i := range limits {
		if !limits[i].Shared || limits[i].Group != "" {
			continue
		}
		if first == nil {
			first = &limits[i].Key
		}
		if limits[i].Key != *first || first.Source == policy.KeyGlobal {
			return false
		}
	}
	return first != nil
}

// settle turns the store's counts into decisions.
func (a *admission) settle(asked set, counts []Count) bool {
	admitted, next := true, 0
	for i := range a.limits {
		if !asked.has(i) {
			continue
		}
		a.decisions[i] = a.read(i, counts[next])
		next++
		admitted = admitted && (a.decisions[i].Allowed || a.limits[i].Shadow)
	}
	return admitted
}

// read says what a count means. Refusals are remembered by this process's
// clock, from before the store was asked: so never for too long. What is
// remembered is kept up to date.
func (a *admission) read(i int, c Count) Decision {
	tier, units := a.tier(i), a.units(i)
	q := &tier.quota
	now := q.at(Span{Micros: c.Now})
	tat := later(q.at(c.TAT), now)
	here := q.ticks(a.elapsed).plus(tat.minus(now))
	tier.refused.remember(a.key(i), here, a.elapsed, c.Verdict == Refused)
	switch {
	case c.Verdict == Refused:
		next, _ := q.charge(now, tat, units)
		return q.refuse(now, tat, next, units)
	case c.Verdict == ChargedWant && a.taking.has(i):
		d := q.describe(now, tat)
		d.Remaining += a.putLease(i, here)
		return d
	default:
		return q.describe(now, tat)
	}
}

// withoutStore does with each limit as it says for this case.
func (a *admission) withoutStore(ctx context.Context, asked set, err error) bool {
	admitted := true
	var alone set
	for i := range a.limits {
		if !asked.has(i) {
			continue
		}
		a.decisions[i] = Decision{Allowed: true, Unknown: true, StoreFailed: true}
		switch a.limits[i].OnStoreFailure {
		case policy.FailureAllow:
		case policy.FailureLocal:
			alone.add(i)
		default:
			a.decisions[i].Allowed, a.decisions[i].RetryAfter = false, storeRetry
			admitted = admitted && a.limits[i].Shadow
		}
	}
	admitted = a.charge(alone, admitted, a.elapsed, a.charges, a.decisions, &a.held)
	for i := range a.limits {
		if asked.has(i) {
			a.decisions[i].StoreFailed = true
			a.tellStoreFailure(ctx, i, err)
		}
	}
	return admitted
}

func (a *admission) tellStoreFailure(ctx context.Context, i int, err error) {
	if a.opts.OnStoreFailure != nil {
		a.opts.OnStoreFailure(ctx, a.limits[i].Name, err)
	}
}

// giveBack undoes what was charged before another limit refused.
func (a *admission) giveBack() {
	for i := range a.limits {
		if h := &a.held[i]; h.shard != nil {
			failed := a.decisions[i].StoreFailed
			a.decisions[i] = h.giveBack(&a.tier(i).quota, a.elapsed, a.units(i))
			a.decisions[i].StoreFailed = failed
		}
		if a.leased.has(i) {
			a.tier(i).leases.giveBack(a.key(i), a.units(i))
			a.decisions[i].Remaining += a.units(i)
		}
	}
}
