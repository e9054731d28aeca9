package cache

import (
	"hash/maphash"
	"sync/atomic"
)

// generations counts purges by tag in a fixed table. The hash is seeded, so
// that nobody can choose tags that meet. Two more counters are of everything and
// of everything that is tagged.
type generations struct {
	seed     maphash.Seed
	counters []atomic.Uint64
	tags     uint64 // how many of them the tags share
}

// stamp is what a tag's counter showed at some time.
type stamp struct {
	counter    uint64
	generation uint64
}

const stampBytes = 16

func newGenerations(counters int) *generations {
	return &generations{
		seed:     maphash.MakeSeed(),
		counters: make([]atomic.Uint64, counters+2),
		tags:     uint64(counters),
	}
}

func (g *generations) everything() uint64 { return g.tags }
func (g *generations) tagged() uint64     { return g.tags + 1 }

func (g *generations) counter(id TagID) uint64 {
	return maphash.Bytes(g.seed, id[:]) % g.tags
}

func (g *generations) purge(tag string) {
	g.counters[g.counter(tagID(tag))].Add(1)
}

// PurgeTags implements [Level].
func (g *generations) PurgeTags(tags []TagID) {
	for _, tag := range tags {
		g.counters[g.counter(tag)].Add(1)
	}
}

// PurgeTagged implements [Level].
func (g *generations) PurgeTagged() { g.counters[g.tagged()].Add(1) }

// PurgeAll implements [Level].
func (g *generations) PurgeAll() { g.counters[g.everything()].Add(1) }

// stamp reads the tags' counters, behind those that are of more.
func (g *generations) stamp(tags []string) []stamp {
	if len(tags) == 0 {
		return []stamp{g.read(g.everything())}
	}
	stamps := make([]stamp, 0, len(tags)+2)
	stamps = append(stamps, g.read(g.everything()), g.read(g.tagged()))
	for _, tag := range tags {
		stamps = append(stamps, g.read(g.counter(tagID(tag))))
	}
	return stamps
}

func (g *generations) read(counter uint64) stamp {
	return stamp{counter, g.counters[counter].Load()}
}

// isTagged reports whether stamps are of tags.
func isTagged(stamps []stamp) bool { return len(stamps) > 1 }

// current reports whether nothing was purged under the stamps since.
func (g *generations) current(stamps []stamp) bool {
	for _, s := range stamps {
		if g.counters[s.counter].Load() != s.generation {
			return false
		}
	}
	return true
}
