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

// turn decides one request that is under shared limits.
type turn struct {
	*Limiter
	elapsed   time.Duration
	charges   []Charge
	decisions []Decision

	known  set             // shared limits that need not be asked
	leased set             // those that a lease has paid
	taking set             // those that a new lease is taken for
	held   [MaxLimits]hold // what was charged in memory
}

// decide asks in the order of what an answer costs: what is known to be
// refused, what is counted here, and the store.
func (t *turn) decide(ctx context.Context) bool {
	admitted := t.recall()
	admitted = t.charge(t.local, admitted, t.elapsed, t.charges, t.decisions, &t.held)
	admitted = admitted && t.chargeShared(ctx)
	if !admitted {
		t.giveBack()
	}
	return admitted
}

// tier returns what counts the i-th limit for this request.
func (t *turn) tier(i int) *tier { return &t.limits[i].tiers[t.charges[i].Tier] }

func (t *turn) units(i int) int64 { return max(t.charges[i].Units, 1) }

// recall finds the shared limits that are known to refuse, and reports whether
// the request may still be admitted.
func (t *turn) recall() bool {
	admitted := true
	for i := range t.limits {
		if !t.shared.has(i) {
			continue
		}
		tier, units := t.tier(i), t.units(i)
		now := tier.quota.ticks(t.elapsed)
		tat := tier.refused.debt(t.fold(t.charges[i].Key))
		next, covered := tier.quota.charge(now, tat, units)
		if covered {
			t.decisions[i] = Decision{Allowed: true, Unknown: true}
			continue
		}
		t.known.add(i)
		t.decisions[i] = tier.quota.refuse(now, tat, next, units)
		t.decisions[i].Unknown = tat == (wide{}) // refused for its cost alone
		admitted = admitted && t.limits[i].Shadow
	}
	return admitted
}

// chargeShared spends leases and asks the store for the rest.
func (t *turn) chargeShared(ctx context.Context) bool {
	var asks []Ask
	var asked set
	defer t.endTaking()
	for i := range t.limits {
		if t.shared.has(i) && !t.known.has(i) && !t.spendLease(i) {
			asks = append(asks, t.askFor(i))
			asked.add(i)
		}
	}
	if len(asks) == 0 {
		return true
	}
	counts := make([]Count, len(asks))
	if err := t.opts.Store.Charge(ctx, t.group(), asks, counts); err != nil {
		return t.withoutStore(ctx, asked, err)
	}
	return t.settle(asked, counts)
}

func (t *turn) askFor(i int) Ask {
	tier := t.tier(i)
	need := tier.quota.span(t.units(i))
	a := Ask{
		Name: tier.name, Need: need, Want: need,
		Burst: tier.quota.span(tier.quota.burst), Parts: int64(tier.quota.parts()), Shadow: t.limits[i].Shadow,
	}
	if !t.grouped && t.limits[i].Key.Source != policy.KeyGlobal {
		a.Name += "/" + digest(t.charges[i].Key)
	}
	if t.taking.has(i) {
		a.Want = tier.quota.span(tier.leases.size)
	}
	return a
}

// group names what the store must be able to decide together. Limits of one key
// are spread by it; those of several lie together.
func (t *turn) group() string {
	if !t.grouped {
		return t.opts.Scope
	}
	for i := range t.limits {
		if t.shared.has(i) {
			return t.opts.Scope + "/" + digest(t.charges[i].Key)
		}
	}
	return t.opts.Scope
}

// digest names a key in the store, which thus holds no addresses and no
// secrets, and no names of more than a few bytes.
func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// sameKey reports whether all shared limits are counted under one and the same
// key of the request.
func sameKey(limits []policy.RateLimit) bool {
	var first *policy.RateLimitKey
	for i := range limits {
		if !limits[i].Shared {
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
func (t *turn) settle(asked set, counts []Count) bool {
	admitted, next := true, 0
	for i := range t.limits {
		if !asked.has(i) {
			continue
		}
		t.decisions[i] = t.read(i, counts[next])
		next++
		admitted = admitted && (t.decisions[i].Allowed || t.limits[i].Shadow)
	}
	return admitted
}

// read says what a count means. Refusals are remembered by this process's
// clock, from before the store was asked: so never for too long. What is
// remembered is kept up to date.
func (t *turn) read(i int, c Count) Decision {
	tier, units := t.tier(i), t.units(i)
	q := &tier.quota
	now := q.at(Span{Micros: c.Now})
	tat := later(q.at(c.TAT), now)
	here := q.ticks(t.elapsed).plus(tat.minus(now))
	tier.refused.remember(t.fold(t.charges[i].Key), here, q.ticks(t.elapsed), c.Verdict == Refused)
	switch {
	case c.Verdict == Refused:
		next, _ := q.charge(now, tat, units)
		return q.refuse(now, tat, next, units)
	case c.Verdict == ChargedWant && t.taking.has(i):
		d := q.describe(now, tat)
		d.Remaining += t.putLease(i, here)
		return d
	default:
		return q.describe(now, tat)
	}
}

// withoutStore does with each limit as it says for this case.
func (t *turn) withoutStore(ctx context.Context, asked set, err error) bool {
	admitted := true
	var alone set
	for i := range t.limits {
		if !asked.has(i) {
			continue
		}
		t.decisions[i] = Decision{Allowed: true, Unknown: true, StoreFailed: true}
		switch t.limits[i].OnStoreFailure {
		case policy.FailureAllow:
		case policy.FailureLocal:
			alone.add(i)
		default:
			t.decisions[i].Allowed, t.decisions[i].RetryAfter = false, storeRetry
			admitted = admitted && t.limits[i].Shadow
		}
	}
	admitted = t.charge(alone, admitted, t.elapsed, t.charges, t.decisions, &t.held)
	for i := range t.limits {
		if asked.has(i) {
			t.decisions[i].StoreFailed = true
			t.tellStoreFailure(ctx, i, err)
		}
	}
	return admitted
}

func (t *turn) tellStoreFailure(ctx context.Context, i int, err error) {
	if t.opts.OnStoreFailure != nil {
		t.opts.OnStoreFailure(ctx, t.limits[i].Name, err)
	}
}

// giveBack undoes what was charged before another limit refused.
func (t *turn) giveBack() {
	for i := range t.limits {
		if h := &t.held[i]; h.entry != nil {
			failed := t.decisions[i].StoreFailed
			t.decisions[i] = h.giveBack(&t.tier(i).quota, t.elapsed, t.units(i))
			t.decisions[i].StoreFailed = failed
		}
		if t.leased.has(i) {
			t.tier(i).leases.giveBack(t.fold(t.charges[i].Key), t.units(i))
			t.decisions[i].Remaining += t.units(i)
		}
	}
}
