package audit

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// turns has one thing done at a time, and waits for none of them longer than the limit: a
// disk that hangs holds nobody up. What has not ended goes on, and until it has, nothing
// else is begun, so that nothing piles up behind it.
type turns struct {
	limit time.Duration
	turn  chan struct{} // held by what is being done

	mu    sync.Mutex
	stuck bool // what is being done has had its time
}

func newTurns(limit time.Duration) *turns {
	return &turns{limit: limit, turn: make(chan struct{}, 1)}
}

var errStuck = errors.New("the disk hangs: an earlier record is not on it yet")

// do does what within the limit, and returns its error. Where that is over, late is called
// with the error once it has ended, before anything else is done.
func (t *turns) do(what func() error, late func(error)) error {
	if t.isStuck() {
		return errStuck
	}
	over := time.NewTimer(t.limit)
	defer over.Stop()
	select {
	case t.turn <- struct{}{}:
	case <-over.C:
		return errStuck
	}
	ended := make(chan error, 1)
	one := &undertaking{}
	go func() {
		defer func() { <-t.turn }()
		err := what()
		if t.end(one) {
			late(err)
			t.unstick()
			return
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-over.C:
	}
	if t.leave(one) {
		return fmt.Errorf("the disk hangs: no end within %s", t.limit)
	}
	return <-ended
}

// undertaking is something that is being done.
type undertaking struct{ left, ended bool }

// leave reports whether there is nothing to wait for any more but the end.
func (t *turns) leave(one *undertaking) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one.left = !one.ended
	t.stuck = t.stuck || one.left
	return one.left
}

// end reports whether nobody waits for it.
func (t *turns) end(one *undertaking) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one.ended = true
	return one.left
}

func (t *turns) isStuck() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stuck
}

func (t *turns) unstick() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stuck = false
}
