package memory

import (
	"hash/maphash"
	"sync"
	"time"
)

// markedVariants is how many variants [Marks] remember.
const markedVariants = 4096

// Marks remember a time for each of some variants. One that needs the place of
// another takes it, so that they are bounded: a mark that is gone costs what it was
// to save, and nothing else. They are safe for concurrent use.
type Marks struct {
	seed  maphash.Seed
	mu    sync.Mutex
	slots []mark
}

type mark struct {
	key uint64 // a hash: two that share it share the mark
	at  time.Time
}

// NewMarks returns marks of nothing.
func NewMarks() *Marks {
	return &Marks{seed: maphash.MakeSeed(), slots: make([]mark, markedVariants)}
}

// Set marks a variant. The latest time stays.
func (m *Marks) Set(v Variant, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	hash, slot := m.slot(v)
	if slot.key != hash || slot.at.Before(at) {
		*slot = mark{hash, at}
	}
}

// At returns the time of a variant's mark, or zero.
func (m *Marks) At(v Variant) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hash, slot := m.slot(v); slot.key == hash {
		return slot.at
	}
	return time.Time{}
}

// Clear removes a variant's mark.
func (m *Marks) Clear(v Variant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hash, slot := m.slot(v); slot.key == hash {
		*slot = mark{}
	}
}

func (m *Marks) slot(v Variant) (hash uint64, slot *mark) {
	hash = maphash.Comparable(m.seed, v)
	return hash, &m.slots[hash%markedVariants]
}
