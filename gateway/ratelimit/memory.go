package ratelimit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxBytes is what a [Memory] may take by default.
const DefaultMaxBytes = 64 << 20

const (
	leastBytes = 64 << 10
	// sweepEvery is how often what is over is given back where no new key does it.
	sweepEvery = 10 * time.Second
)

// Memory bounds what the limits that share it remember, in bytes: refusals and
// leases of shared limits, too. It takes nothing until keys come, and gives back
// what has expired.
//
// Half of it is whoever's comes first. Each limit, each tier of it and each kind of
// thing that it remembers has an equal part of the other half to itself, which no
// other can take. It is safe for concurrent use.
type Memory struct {
	limit     int64
	displaced atomic.Int64

	mu       sync.Mutex
	accounts map[*account]struct{}
	used     int64
	base     int64 // of it, what stays while no key is remembered
	beyond   int64 // of it, what accounts have over the parts that are theirs
	sweeping bool  // a sweep will come
}

// account is what one table takes of a Memory.
type account struct {
	used, base int64
	sweep      func(now time.Time)
}

// MemoryStats are what a [Memory] has counted.
type MemoryStats struct {
	// Bytes are taken now.
	Bytes int64
	// Displaced are keys that were forgotten for others though they owed something.
	Displaced int64
}

// NewMemory returns a Memory of at most so many bytes; 0 is [DefaultMaxBytes].
func NewMemory(maxBytes int64) (*Memory, error) {
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	if maxBytes < leastBytes {
		return nil, fmt.Errorf("ratelimit: a memory of %d bytes is less than %d", maxBytes, leastBytes)
	}
	return &Memory{limit: maxBytes, accounts: map[*account]struct{}{}}, nil
}

// Stats returns what has been counted.
func (m *Memory) Stats() MemoryStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return MemoryStats{Bytes: m.used, Displaced: m.displaced.Load()}
}

// open adds an account, which makes the parts of all others smaller.
func (m *Memory) open(a *account) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.accounts[a] = struct{}{}
	m.recount()
}

// close removes the account of a table that is garbage.
func (m *Memory) close(a *account) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.accounts, a)
	m.used -= a.used
	m.base -= a.base
	m.recount()
}

func (m *Memory) recount() {
	m.beyond = 0
	for a := range m.accounts {
		m.beyond += m.over(a.used)
	}
}

// part is what each account has to itself.
func (m *Memory) part() int64 { return m.limit / 2 / int64(max(len(m.accounts), 1)) }

// share returns part to those who do not hold mu.
func (m *Memory) share() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.part()
}

// over is how much of what an account has is not its own part.
func (m *Memory) over(used int64) int64 { return max(used-m.part(), 0) }

// equipped takes what an account needs before it has any key.
func (m *Memory) equipped(a *account, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.base += bytes
	a.base += bytes
	m.charge(a, bytes)
}

// take takes bytes for keys if there are that many, or in any case.
func (m *Memory) take(a *account, bytes int64, always bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	over := m.over(a.used + bytes)
	beyond := m.beyond + over - m.over(a.used)
	if !always && (m.used+bytes > m.limit || over > 0 && beyond > m.limit/2) {
		return false
	}
	m.charge(a, bytes)
	if !m.sweeping {
		m.sweeping = true
		time.AfterFunc(sweepEvery, m.sweep)
	}
	return true
}

// give gives bytes back.
func (m *Memory) give(a *account, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.charge(a, -bytes)
}

func (m *Memory) charge(a *account, bytes int64) {
	m.beyond += m.over(a.used+bytes) - m.over(a.used)
	a.used += bytes
	m.used += bytes
}

// sweep gives back what has expired, and comes again while something is remembered.
// It holds one shard at a time.
func (m *Memory) sweep() {
	now := time.Now()
	for _, a := range m.all() {
		a.sweep(now)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweeping = m.used > m.base
	if m.sweeping {
		time.AfterFunc(sweepEvery, m.sweep)
	}
}

func (m *Memory) all() []*account {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*account, 0, len(m.accounts))
	for a := range m.accounts {
		all = append(all, a)
	}
	return all
}
