package cache

import (
	"hash/maphash"
	"sync/atomic"
)

// generations counts purges by tag in a fixed table. The hash is seeded, so
// that nobody can choose tags that meet.
type generations struct {
	seed     maphash.Seed
	counters []atomic.Uint64
}

// stamp is what a tag's counter showed at some time.
type stamp struct {
	counter    uint64
	generation uint64
}

const stampBytes = 16

func newGenerations(counters int) *generations {
	return &generations{seed: maphash.MakeSeed(), counters: make([]atomic.Uint64, counters)}
}

func (g *generations) counter(tag string) uint64 {
	return maphash.String(g.seed, tag) % uint64(len(g.counters))
}

func (g *generations) purge(tag string) {
	g.counters[g.counter(tag)].Add(1)
}

// stamp reads the tags' counters.
func (g *generations) stamp(tags []string) []stamp {
	if len(tags) == 0 {
		return nil
	}
	stamps := make([]stamp, len(tags))
	for i, tag := range tags {
		counter := g.counter(tag)
		stamps[i] = stamp{counter, g.counters[counter].Load()}
	}
	return stamps
}

// current reports whether nothing was purged under the stamps since.
func (g *generations) current(stamps []stamp) bool {
	for _, s := range stamps {
		if g.counters[s.counter].Load() != s.generation {
			return false
		}
	}
	return true
}
