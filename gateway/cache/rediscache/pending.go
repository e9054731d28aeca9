package rediscache

import (
	"sync"
	"sync/atomic"

	"github.com/venta-hq/venta/gateway/cache"
)

// kept holds the purges that could not be delivered. The zero value, with a
// limit, is empty.
type kept struct {
	limit int // of tags; where there are more, everything is purged
	holds atomic.Bool

	mu    sync.Mutex
	count uint64
	tags  map[cache.TagID]uint64 // by the count when they came last
	all   uint64                 // the same for everything; 0: not everything
}

// batch is a part of what is kept.
type batch struct {
	count uint64 // when it was taken
	tags  []cache.TagID
	all   uint64
}

func (k *kept) empty() bool { return !k.holds.Load() }

// add reports false where there are too many tags: all of them become one purge
// of everything.
func (k *kept) add(tags []cache.TagID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.count++
	k.holds.Store(true)
	if k.all != 0 {
		k.all = k.count
		return true
	}
	if k.tags == nil {
		k.tags = make(map[cache.TagID]uint64)
	}
	for _, tag := range tags {
		k.tags[tag] = k.count
	}
	if len(k.tags) <= k.limit {
		return true
	}
	k.tags, k.all = nil, k.count
	return false
}

func (k *kept) addAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.count++
	k.holds.Store(true)
	k.tags, k.all = nil, k.count
}

// next returns at most some tags. It takes nothing away.
func (k *kept) next(most int) batch {
	k.mu.Lock()
	defer k.mu.Unlock()
	b := batch{count: k.count, all: k.all}
	for tag := range k.tags {
		if len(b.tags) == most {
			break
		}
		b.tags = append(b.tags, tag)
	}
	return b
}

// delivered takes away what a batch had, unless it came again meanwhile.
func (k *kept) delivered(b batch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if b.all != 0 && k.all == b.all {
		k.all = 0
	}
	for _, tag := range b.tags {
		if k.tags[tag] <= b.count {
			delete(k.tags, tag)
		}
	}
	k.holds.Store(k.all != 0 || len(k.tags) > 0)
}
