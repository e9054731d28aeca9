package ratelimit

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync"
)

const (
	maxShards    = 256
	keysPerShard = 64 // at least, so that few shards fill much before the others
)

// table keeps the TAT of at most a fixed number of keys. It is split into
// shards by a seeded hash, so that a client cannot choose where its keys fall.
type table struct {
	seed   maphash.Seed
	shards []shard
}

// shard is a part of a table. The caller holds mu around every use.
type shard struct {
	mu       sync.Mutex
	entries  map[string]*entry
	byTAT    []slot // a min-heap
	capacity int
}

type entry struct {
	key string
	tat wide
}

// slot orders an entry by the TAT that it had when it was last looked at. A TAT
// grows, so the order may lag: charging a known key need not touch the heap.
// Only a charge that is given back lets it lead; such a key may outlive others
// that owe less.
type slot struct {
	tat   wide
	entry *entry
}

func newTable(maxKeys int) *table {
	count := shardsFor(maxKeys)
	t := &table{seed: maphash.MakeSeed(), shards: make([]shard, count)}
	for i := range t.shards {
		t.shards[i].entries = make(map[string]*entry)
		t.shards[i].capacity = maxKeys / count
	}
	return t
}

// shardsFor returns a power of two.
func shardsFor(maxKeys int) int {
	return max(min(maxShards, 1<<bits.Len(uint(maxKeys/keysPerShard))>>1), 1)
}

func (t *table) shard(key string) *shard {
	return &t.shards[maphash.String(t.seed, key)&uint64(len(t.shards)-1)]
}

// debt returns the TAT that is remembered of a key, and zero for none.
func (t *table) debt(key string) wide {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.entries[key]; known != nil {
		return known.tat
	}
	return wide{}
}

// remember keeps a TAT unless a later one is known; that of a new key only if
// it is to be added.
func (t *table) remember(key string, tat, now wide, add bool) {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.entries[key]; known != nil {
		known.tat = later(known.tat, tat)
	} else if add {
		s.insert(key, tat, now)
	}
}

// keys returns how many keys are remembered.
func (t *table) keys() int {
	total := 0
	for i := range t.shards {
		t.shards[i].mu.Lock()
		total += len(t.shards[i].entries)
		t.shards[i].mu.Unlock()
	}
	return total
}

// insert remembers a key that is not known yet. It forgets keys whose debt has
// run out first, two at most so that the shard shrinks after a flood; a full
// shard forgets the key with the least debt.
func (s *shard) insert(key string, tat, now wide) *entry {
	for range 2 {
		if !s.dropOldest(now) {
			break
		}
	}
	if len(s.byTAT) >= s.capacity {
		s.settle()
		s.pop()
	}
	// The key may be a part of a request's buffer, which must not live on.
	e := &entry{key: strings.Clone(key), tat: tat}
	s.entries[e.key] = e
	s.push(slot{tat, e})
	return e
}

// dropOldest forgets the key with the oldest TAT if it lies before now.
func (s *shard) dropOldest(now wide) bool {
	if len(s.byTAT) == 0 || now.less(s.byTAT[0].tat) {
		return false
	}
	s.settle()
	if now.less(s.byTAT[0].tat) {
		return false
	}
	s.pop()
	return true
}

// settle brings the truly oldest TAT to the top. It catches up with at most one
// slot for each charge since.
func (s *shard) settle() {
	for top := &s.byTAT[0]; top.tat != top.entry.tat; {
		top.tat = top.entry.tat
		s.sink()
	}
}

func (s *shard) push(added slot) {
	s.byTAT = append(s.byTAT, added)
	i := len(s.byTAT) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !added.tat.less(s.byTAT[parent].tat) {
			break
		}
		s.byTAT[i] = s.byTAT[parent]
		i = parent
	}
	s.byTAT[i] = added
}

// pop forgets the key on top.
func (s *shard) pop() {
	last := len(s.byTAT) - 1
	delete(s.entries, s.byTAT[0].entry.key)
	s.byTAT[0] = s.byTAT[last]
	s.byTAT[last] = slot{}
	s.byTAT = s.byTAT[:last]
	if last > 0 {
		s.sink()
	}
}

// sink moves the slot on top to its place.
func (s *shard) sink() {
	moved, i := s.byTAT[0], 0
	for {
		child := 2*i + 1
		if child >= len(s.byTAT) {
			break
		}
		if right := child + 1; right < len(s.byTAT) && s.byTAT[right].tat.less(s.byTAT[child].tat) {
			child = right
		}
		if !s.byTAT[child].tat.less(moved.tat) {
			break
		}
		s.byTAT[i] = s.byTAT[child]
		i = child
	}
	s.byTAT[i] = moved
}
