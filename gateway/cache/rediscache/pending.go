package rediscache

import (
	"sync"
	"sync/atomic"

	"github.com/venta-hq/venta/gateway/cache"
)

// pending holds the purges that could not be delivered. The zero value, with a
// limit, is empty.
type pending struct {
	limit int // of tags; where there are more, everything is purged
	holds atomic.Bool

	mu    sync.Mutex
	count uint64
	tags  map[cache.TagID]uint64 // by the count when they came last
	all   uint64                 // the same for everything; 0: not everything
}

// batch is a part of what is pending.
type batch struct {
	count uint64 // when it was taken
	tags  []cache.TagID
	all   uint64
}

func (p *pending) empty() bool { return !p.holds.Load() }

// size is how many tags are pending, at least one where everything is.
func (p *pending) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all != 0 {
		return max(len(p.tags), 1)
	}
	return len(p.tags)
}

// add reports false where there are too many tags: all of them become one purge
// of everything.
func (p *pending) add(tags []cache.TagID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	p.holds.Store(true)
	if p.all != 0 {
		p.all = p.count
		return true
	}
	if p.tags == nil {
		p.tags = make(map[cache.TagID]uint64)
	}
	for _, tag := range tags {
		p.tags[tag] = p.count
	}
	if len(p.tags) <= p.limit {
		return true
	}
	p.tags, p.all = nil, p.count
	return false
}

func (p *pending) addAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count++
	p.holds.Store(true)
	p.tags, p.all = nil, p.count
}

// next returns at most some tags. It takes nothing away.
func (p *pending) next(most int) batch {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := batch{count: p.count, all: p.all}
	for tag := range p.tags {
		if len(b.tags) == most {
			break
		}
		b.tags = append(b.tags, tag)
	}
	return b
}

// delivered takes away what a batch had, unless it came again meanwhile.
func (p *pending) delivered(b batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.all != 0 && p.all == b.all {
		p.all = 0
	}
	for _, tag := range b.tags {
		if p.tags[tag] <= b.count {
			delete(p.tags, tag)
		}
	}
	p.holds.Store(p.all != 0 || len(p.tags) > 0)
}
