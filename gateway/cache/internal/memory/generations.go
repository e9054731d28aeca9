package memory

import (
	"crypto/sha256"
	"hash/maphash"
	"sync/atomic"
)

// TagID stands for a tag.
type TagID [16]byte

// IDOf returns what stands for a tag.
func IDOf(tag string) TagID {
	sum := sha256.Sum256([]byte(tag))
	return TagID(sum[:16])
}

// Generations counts purges by tag in a fixed table. The hash is seeded, so that
// nobody can choose tags that meet. Two more counters are of everything and of
// everything that is tagged. It is safe for concurrent use, and never blocks.
type Generations struct {
	seed     maphash.Seed
	counters []atomic.Uint64
	tags     uint64 // how many of them the tags share
}

// Stamp is what a counter showed at some time.
type Stamp struct {
	counter    uint64
	generation uint64
}

const stampBytes = 16

// NewGenerations returns counters of which the tags share as many as it is told.
func NewGenerations(counters int) *Generations {
	return &Generations{
		seed:     maphash.MakeSeed(),
		counters: make([]atomic.Uint64, counters+2),
		tags:     uint64(counters),
	}
}

func (g *Generations) everything() uint64 { return g.tags }
func (g *Generations) tagged() uint64     { return g.tags + 1 }

func (g *Generations) counter(id TagID) uint64 {
	return maphash.Bytes(g.seed, id[:]) % g.tags
}

// Purge voids what is stamped under a tag.
func (g *Generations) Purge(id TagID) { g.counters[g.counter(id)].Add(1) }

// PurgeTagged voids what is stamped under any tag.
func (g *Generations) PurgeTagged() { g.counters[g.tagged()].Add(1) }

// PurgeAll voids everything.
func (g *Generations) PurgeAll() { g.counters[g.everything()].Add(1) }

// Stamp reads the tags' counters, behind those that are of more.
func (g *Generations) Stamp(tags []string) []Stamp {
	if len(tags) == 0 {
		return []Stamp{g.read(g.everything())}
	}
	stamps := make([]Stamp, 0, len(tags)+2)
	stamps = append(stamps, g.read(g.everything()), g.read(g.tagged()))
	for _, tag := range tags {
		stamps = append(stamps, g.read(g.counter(IDOf(tag))))
	}
	return stamps
}

func (g *Generations) read(counter uint64) Stamp {
	return Stamp{counter, g.counters[counter].Load()}
}

// IsTagged reports whether stamps are of tags.
func IsTagged(stamps []Stamp) bool { return len(stamps) > 1 }

// Current reports whether nothing was purged under the stamps since.
func (g *Generations) Current(stamps []Stamp) bool {
	for _, s := range stamps {
		if g.counters[s.counter].Load() != s.generation {
			return false
		}
	}
	return true
}
