package ratelimit

import "time"

// debts are the TATs of keys.
type debts struct{ *table[wide] }

// newDebts remembers what a quota's keys owe. One that owes nothing is over.
func newDebts(q quota, m *Memory, start time.Time) *debts {
	return &debts{newTable(m, start, func(tat *wide, elapsed time.Duration) bool {
		return !q.ticks(elapsed).less(*tat)
	})}
}

// debt returns the TAT that is remembered of a key, and zero for none.
func (d *debts) debt(key string) wide {
	s, f := d.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.find(f); known != nil {
		return *known
	}
	return wide{}
}

// remember keeps a TAT unless a later one is known; that of a new key only if
// it is to be added.
func (d *debts) remember(key string, tat wide, elapsed time.Duration, add bool) {
	s, f := d.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.find(f); known != nil {
		*known = later(*known, tat)
	} else if add {
		d.insert(s, f, tat, elapsed)
	}
}

// insert remembers a key that is not known yet. Where there is no room for one
// more, it takes the place of one that owes less.
func (d *debts) insert(s *shard[wide], key fingerprint, tat wide, elapsed time.Duration) {
	if !d.room(s, elapsed) {
		displace(s, tat)
		d.memory.displaced.Add(1)
	}
	s.place(key, tat)
}

// displace forgets the key that owes least of those that it looks at: a few if one
// of them owes less than the new one, else many.
func displace(s *shard[wide], tat wide) {
	least := -1
	for looked := 1; looked <= min(search, len(s.all)); looked++ {
		i := s.next()
		if s.all[i].key != (fingerprint{}) && (least < 0 || s.all[i].value.less(s.all[least].value)) {
			least = i
		}
		if looked >= glance && least >= 0 && s.all[least].value.less(tat) {
			break
		}
	}
	s.remove(least)
}
