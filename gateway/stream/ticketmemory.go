package stream

import (
	"context"
	"sync"
	"time"
)

// MemoryTickets keeps tickets in the process. Its zero value is ready.
type MemoryTickets struct {
	mu    sync.Mutex
	kept  map[string]keptTicket
	order []string // as they were put: the first ends first
}

type keptTicket struct {
	value []byte
	until time.Time
}

// mostTickets bounds what is kept.
const mostTickets = 100_000

// Put implements [TicketStore].
func (m *MemoryTickets) Put(_ context.Context, key string, value []byte, life time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.forget(now)
	if len(m.order) >= mostTickets {
		return errFull
	}
	if m.kept == nil {
		m.kept = map[string]keptTicket{}
	}
	m.kept[key] = keptTicket{value, now.Add(life)}
	m.order = append(m.order, key)
	return nil
}

// Take implements [TicketStore].
func (m *MemoryTickets) Take(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.kept[key]
	delete(m.kept, key)
	if !ok || time.Now().After(found.until) {
		return nil, nil
	}
	return found.value, nil
}

// forget leaves out what was taken or is over. All tickets live as long.
func (m *MemoryTickets) forget(now time.Time) {
	for len(m.order) > 0 {
		found, ok := m.kept[m.order[0]]
		if ok && now.Before(found.until) {
			return
		}
		delete(m.kept, m.order[0])
		m.order = m.order[1:]
	}
}
