package ratelimit

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

// leases are units that the shared count was charged for and that this process
// may spend. At most one lease of a key is held or being taken.
type leases struct {
	size   int64
	life   time.Duration
	seed   maphash.Seed
	shards []leaseShard
}

type leaseShard struct {
	mu       sync.Mutex
	held     map[string]lease
	capacity int
}

type lease struct {
	left    int64
	expires time.Duration // since the limiter's start
	tat     wide          // of the shared count when the lease was taken
	taking  bool
}

func newLeases(keys int, size int64, life time.Duration) *leases {
	count := shardsFor(keys)
	l := &leases{size: size, life: life, seed: maphash.MakeSeed(), shards: make([]leaseShard, count)}
	for i := range l.shards {
		l.shards[i] = leaseShard{held: make(map[string]lease), capacity: keys / count}
	}
	return l
}

func (l *leases) shard(key string) *leaseShard {
	return &l.shards[maphash.String(l.seed, key)&uint64(len(l.shards)-1)]
}

// spend takes units of a lease. Otherwise it reports whether the caller is to
// take a new one, and then [leases.put] or [leases.giveUp] must follow. There is
// none to take while the units that are left, though too few, may yet be spent.
func (l *leases) spend(key string, units int64, now time.Duration) (after lease, paid, take bool) {
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	held, known := s.held[key]
	switch {
	case held.taking:
		return held, false, false
	case held.left >= units && now < held.expires:
		held.left -= units
		s.held[key] = held
		return held, true, false
	case held.left > 0 && now < held.expires, units >= l.size:
		return held, false, false
	case !known && !s.room(now):
		return held, false, false
	}
	s.held[strings.Clone(key)] = lease{taking: true}
	return held, false, true
}

// put makes a lease that was taken, of which units are left.
func (l *leases) put(key string, left int64, now time.Duration, tat wide) {
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[strings.Clone(key)] = lease{left: left, expires: now + l.life, tat: tat}
}

// giveUp ends the taking of a lease that there was none of.
func (l *leases) giveUp(key string) {
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[key].taking {
		delete(s.held, key)
	}
}

// giveBack returns units to the lease that they were spent of. They are lost if
// it has gone meanwhile.
func (l *leases) giveBack(key string, units int64) {
	s := l.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if held, known := s.held[key]; known && !held.taking && held.left+units < l.size {
		held.left += units
		s.held[key] = held
	}
}

// room makes room for a key by forgetting some spent or expired leases.
func (s *leaseShard) room(now time.Duration) bool {
	if len(s.held) < s.capacity {
		return true
	}
	looks := 8
	for key, held := range s.held {
		if !held.taking && (held.left == 0 || now >= held.expires) {
			delete(s.held, key)
		}
		if looks--; looks == 0 {
			break
		}
	}
	return len(s.held) < s.capacity
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
