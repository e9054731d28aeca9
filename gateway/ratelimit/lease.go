package ratelimit

import "time"

// leases are units that the shared count was charged for and that this process
// may spend. At most one lease of a key is held or being taken. Where there is no
// memory for one more, there is none, and the store is asked for each request.
type leases struct {
	*table[lease]
	size int64
	life time.Duration
}

type lease struct {
	left    int64         // or taking
	expires time.Duration // since the limiter's start
	tat     wide          // of the shared count when the lease was taken
}

// taking is what is left of a lease that is being taken.
const taking = -1

func newLeases(m *Memory, start time.Time, size int64, life time.Duration) *leases {
	over := func(l *lease, elapsed time.Duration) bool {
		return l.left == 0 || l.left != taking && elapsed >= l.expires
	}
	return &leases{newTable(m, start, over), size, life}
}

// spend takes units of a lease. Otherwise it reports whether the caller is to
// take a new one, and then [leases.put] or [leases.giveUp] must follow. There is
// none to take while the units that are left, though too few, may yet be spent.
func (l *leases) spend(key string, units int64, now time.Duration) (after lease, paid, take bool) {
	s, f := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.find(f)
	alive := held != nil && !l.over(held, now)
	switch {
	case alive && held.left >= units:
		held.left -= units
		return *held, true, false
	case alive, units >= l.size:
		return lease{}, false, false
	case held != nil:
		*held = lease{left: taking}
		return lease{}, false, true
	case !l.room(s, now):
		return lease{}, false, false
	}
	s.place(f, lease{left: taking})
	return lease{}, false, true
}

// put makes a lease that was taken, of which units are left.
func (l *leases) put(key string, left int64, now time.Duration, tat wide) {
	s, f := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.find(f); held != nil { // nobody drops what is being taken
		*held = lease{left: left, expires: now + l.life, tat: tat}
	}
}

// giveUp ends the taking of a lease that there was none of.
func (l *leases) giveUp(key string) {
	s, f := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(f); i >= 0 && s.all[i].value.left == taking {
		s.remove(i)
	}
}

// giveBack returns units to the lease that they were spent of. They are lost if
// it has gone meanwhile.
func (l *leases) giveBack(key string, units int64) {
	s, f := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.find(f); held != nil && held.left != taking && held.left+units < l.size {
		held.left += units
	}
}

// spendLease pays the i-th limit out of a lease, or notes that one is to be taken.
func (a *admission) spendLease(i int) bool {
	tier := a.tier(i)
	if tier.leases == nil {
		return false
	}
	held, paid, take := tier.leases.spend(a.key(i), a.units(i), a.elapsed)
	if take {
		a.taking.add(i)
	}
	if !paid {
		return false
	}
	a.leased.add(i)
	d := tier.quota.describe(tier.quota.ticks(a.elapsed), held.tat)
	d.Remaining = min(d.Remaining+held.left, tier.quota.burst)
	a.decisions[i] = d
	return true
}

// putLease keeps what is left of a lease once the request is paid.
func (a *admission) putLease(i int, tat wide) int64 {
	left := a.tier(i).leases.size - a.units(i)
	a.taking.remove(i)
	a.tier(i).leases.put(a.key(i), left, a.elapsed, tat)
	return left
}

// endTaking lets others take the leases that this request did not get.
func (a *admission) endTaking() {
	for i := range a.limits {
		if a.taking.has(i) {
			a.tier(i).leases.giveUp(a.key(i))
		}
	}
}
