package ratelimit

import "time"

// ask is a charge in memory under way; its shard is locked.
type ask struct {
	quota   *quota
	counts  *debts
	shard   *shard[wide]
	key     fingerprint
	known   *wide // its TAT; nil for a new key
	elapsed time.Duration
	units   int64
	now     wide
	tat     wide
	next    wide
	covered bool
}

// hold is a charge in memory that may be given back.
type hold struct {
	shard *shard[wide]
	key   fingerprint
}

// charge charges the limits in one set to their counts in memory, or none of
// them if one refuses or the request is refused anyway. holds, if given, learns
// what was charged.
func (l *Limiter) charge(in set, admitted bool, elapsed time.Duration, charges []Charge, decisions []Decision, holds *[MaxLimits]hold) bool {
	var asked [MaxLimits]ask
	// One shard of each limit's table, always in the same order.
	for _, i := range l.order {
		if in.has(i) {
			asked[i] = askFor(l.limits[i], elapsed, charges[i])
			admitted = admitted && (asked[i].covered || l.limits[i].Shadow)
		}
	}
	for i := range charges {
		if !in.has(i) {
			continue
		}
		decisions[i] = asked[i].decision(admitted)
		if holds != nil && admitted && asked[i].covered {
			holds[i] = hold{asked[i].shard, asked[i].key}
		}
		asked[i].shard.mu.Unlock()
	}
	return admitted
}

func askFor(limit *limit, elapsed time.Duration, c Charge) ask {
	tier := &limit.tiers[c.Tier]
	a := ask{quota: &tier.quota, counts: tier.local, elapsed: elapsed, units: max(c.Units, 1), now: tier.quota.ticks(elapsed)}
	a.shard, a.key = tier.local.shard(c.Key)
	a.shard.mu.Lock()
	if a.known = a.shard.find(a.key); a.known != nil {
		a.tat = *a.known
	}
	a.next, a.covered = a.quota.charge(a.now, a.tat, a.units)
	return a
}

// decision charges if the request is admitted, and says where the key stands.
func (a *ask) decision(admitted bool) Decision {
	switch {
	case !a.covered:
		return a.quota.refuse(a.now, a.tat, a.next, a.units)
	case !admitted:
		return a.quota.describe(a.now, a.tat)
	case a.known != nil:
		*a.known = a.next
	default:
		a.counts.insert(a.shard, a.key, a.next, a.elapsed)
	}
	return a.quota.describe(a.now, a.next)
}

// giveBack undoes a charge of units and says where the key stands. One that was
// forgotten meanwhile owes nothing.
func (h *hold) giveBack(q *quota, elapsed time.Duration, units int64) Decision {
	h.shard.mu.Lock()
	defer h.shard.mu.Unlock()
	known := h.shard.find(h.key)
	if known == nil {
		return q.describe(q.ticks(elapsed), wide{})
	}
	*known = known.minus(product(uint64(units), q.interval))
	return q.describe(q.ticks(elapsed), *known)
}
