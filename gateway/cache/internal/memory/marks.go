package memory

import (
	"hash/maphash"
	"sync"
	"time"
)

// markedKeys is how many keys [Marks] remember.
const markedKeys = 4096

// Marks remember a time for each of some keys. A key that needs the place of
// another takes it, so that they are bounded: a mark that is gone costs what it was
// to save, and nothing else. They are safe for concurrent use.
type Marks struct {
	seed  maphash.Seed
	mu    sync.Mutex
	slots []mark
}

type mark struct {
	key uint64 // a hash: two keys that share it share the mark
	at  time.Time
}

// NewMarks returns marks of no key.
func NewMarks() *Marks {
	return &Marks{seed: maphash.MakeSeed(), slots: make([]mark, markedKeys)}
}

// Set marks a key. The latest time stays.
func (m *Marks) Set(k Key, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	hash, slot := m.slot(k)
	if slot.key != hash || slot.at.Before(at) {
		*slot = mark{hash, at}
	}
}

// At returns the time of a key's mark, or zero.
func (m *Marks) At(k Key) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hash, slot := m.slot(k); slot.key == hash {
		return slot.at
	}
	return time.Time{}
}

// Clear removes a key's mark.
func (m *Marks) Clear(k Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if hash, slot := m.slot(k); slot.key == hash {
		*slot = mark{}
	}
}

func (m *Marks) slot(k Key) (hash uint64, slot *mark) {
	hash = maphash.Comparable(m.seed, k)
	return hash, &m.slots[hash%markedKeys]
}
