package ratelimit

import (
	"hash/maphash"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
	"weak"
)

const (
	maxShards     = 256
	bytesPerShard = 16 << 10 // at least, so that few shards fill much before the others
	// glance is how many slots are looked at for each new key: first for what has
	// expired, then for the key that owes least. Where none owes less than the new
	// one, it is search.
	glance = 16
	search = 128
)

// table remembers a value for each key. It is split into shards by a seeded hash, so
// that a client cannot choose where its keys fall. It takes memory as it is used.
type table[V any] struct {
	seeds  [2]maphash.Seed
	start  time.Time
	shards atomic.Pointer[[]shard[V]] // nil before the first key
	// over tells whether a value may be forgotten without a loss.
	over func(value *V, elapsed time.Duration) bool
	// memory is nil for a table of one key.
	memory  *Memory
	account *account
}

// shard is a part of a table. The caller holds mu around every use.
type shard[V any] struct {
	mu sync.Mutex
	slots[V]
}

// newTable returns a table within a memory; nil is for a table of one key.
func newTable[V any](m *Memory, start time.Time, over func(value *V, elapsed time.Duration) bool) *table[V] {
	t := &table[V]{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, start: start, over: over, memory: m}
	if m == nil {
		return t
	}
	// The memory must not keep a table alive that no limiter has any more.
	ref := weak.Make(t)
	t.account = &account{sweep: func(now time.Time) {
		if t := ref.Value(); t != nil {
			t.sweep(now.Sub(t.start))
		}
	}}
	m.open(t.account)
	runtime.AddCleanup(t, m.close, t.account)
	return t
}

// shard returns where a key is, and what stands for it.
func (t *table[V]) shard(key string) (*shard[V], fingerprint) {
	shards := t.shards.Load()
	if shards == nil {
		shards = t.equip()
	}
	f := fingerprint{maphash.String(t.seeds[0], key), maphash.String(t.seeds[1], key)}
	if f == (fingerprint{}) {
		f.lo = 1
	}
	return &(*shards)[f.hi&uint64(len(*shards)-1)], f
}

// equip makes the shards, as many as the part of the memory is worth.
func (t *table[V]) equip() *[]shard[V] {
	count := 1
	if t.memory != nil {
		count = shardsFor(t.memory.share())
	}
	shards := make([]shard[V], count)
	if !t.shards.CompareAndSwap(nil, &shards) {
		return t.shards.Load()
	}
	if t.memory != nil {
		t.memory.equipped(t.account, int64(count)*int64(unsafe.Sizeof(shard[V]{})))
	}
	return &shards
}

// shardsFor returns a power of two.
func shardsFor(bytes int64) int {
	return max(min(maxShards, 1<<bits.Len64(uint64(bytes/bytesPerShard))>>1), 1)
}

// room makes room for a new key in its shard: by forgetting what is over there, or
// with more memory. The first few slots are had in any case.
func (t *table[V]) room(s *shard[V], elapsed time.Duration) bool {
	s.sweep(glance, func(v *V) bool { return t.over(v, elapsed) })
	if !s.full() {
		return true
	}
	size := max(2*len(s.all), fewest)
	if t.memory != nil && !t.memory.take(t.account, bytesOf[V](size-len(s.all)), len(s.all) == 0) {
		return false
	}
	s.resize(size)
	return true
}

func bytesOf[V any](slots int) int64 { return int64(slots) * int64(unsafe.Sizeof(slot[V]{})) }

// sweep forgets all that is over, and gives its memory back.
func (t *table[V]) sweep(elapsed time.Duration) {
	shards := t.shards.Load()
	if shards == nil {
		return
	}
	for i := range *shards {
		t.sweepShard(&(*shards)[i], elapsed)
	}
}

func (t *table[V]) sweepShard(s *shard[V], elapsed time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(len(s.all), func(v *V) bool { return t.over(v, elapsed) })
	if before, size := len(s.all), s.spare(); size < before {
		s.resize(size)
		t.memory.give(t.account, bytesOf[V](before-size))
	}
}

// keys returns how many keys are remembered.
func (t *table[V]) keys() int {
	total := 0
	if shards := t.shards.Load(); shards != nil {
		for i := range *shards {
			s := &(*shards)[i]
			s.mu.Lock()
			total += s.used
			s.mu.Unlock()
		}
	}
	return total
}
