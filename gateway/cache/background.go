package cache

import (
	"context"
	"errors"
	"sync"
)

var errClosed = errors.New("cache: the store is closed")

// background bounds what a store does by itself, and ends it.
type background struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	slots  chan struct{}

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newBackground(limit int) *background {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &background{ctx: ctx, cancel: cancel, slots: make(chan struct{}, limit)}
}

// reserve takes a place for one task, which release gives back.
func (b *background) reserve() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	select {
	case b.slots <- struct{}{}:
		b.running.Add(1)
		return true
	default:
		return false
	}
}

func (b *background) release() {
	<-b.slots
	b.running.Done()
}

// close ends all tasks and waits for them.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel(errClosed)
	b.running.Wait()
}
