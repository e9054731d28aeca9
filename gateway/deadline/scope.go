package deadline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

type boundKey struct{}

// Scope is the context of a call that ends with Release, or when its bound has
// passed. It is one allocation, and none where it is a field; timer and channel
// are made when somebody first waits for its end. It is used as a pointer, is
// safe for concurrent use and must not be copied once it is open.
type Scope struct {
	context.Context           // the caller's
	end             time.Time // zero: without a bound of its own

	started  atomic.Bool // awaited may be read
	mu       sync.Mutex
	awaited  context.Context
	cancel   context.CancelFunc
	released bool
	lent     *Scope // the first of the scopes that took its caller, see base
	next     *Scope // behind this one in the list that it is in
}

// NewBound returns a scope that ends after d on behalf of a policy, with
// [ErrPolicy] as its cause. Where ctx ends sooner, it has no bound of its own.
// Release must be called.
func NewBound(ctx context.Context, d time.Duration) *Scope {
	s := &Scope{Context: ctx}
	end := time.Now().Add(d)
	if sooner, ok := ctx.Deadline(); !ok || end.Before(sooner) {
		s.end = end
	}
	return s
}

// Open makes the zero Scope a context below ctx, without a bound of its own.
// Release must be called.
func (s *Scope) Open(ctx context.Context) { s.Context = ctx }

// Release ends the scope.
func (s *Scope) Release() {
	for lent := s.release(); lent != nil; lent = lent.next {
		lent.Release()
	}
}

// release ends the scope itself and returns the first that must end with it.
func (s *Scope) release() *Scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = true
	if s.cancel != nil {
		s.cancel()
	}
	lent := s.lent
	s.lent = nil
	return lent
}

// Bounds reports whether the scope has a bound of its own in force.
func (s *Scope) Bounds() bool { return !s.end.IsZero() }

// Deadline implements context.Context.
func (s *Scope) Deadline() (time.Time, bool) {
	if s.Bounds() {
		return s.end, true
	}
	return s.Context.Deadline()
}

// Done implements context.Context.
func (s *Scope) Done() <-chan struct{} { return s.await().Done() }

// Err implements context.Context.
func (s *Scope) Err() error {
	if !s.started.Load() && s.Context.Err() == nil && !s.over() {
		return nil
	}
	return s.await().Err()
}

// over reports whether the scope has ended by itself.
func (s *Scope) over() bool {
	if s.Bounds() && !time.Now().Before(s.end) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.released
}

// Value implements context.Context.
func (s *Scope) Value(key any) any {
	if _, ok := key.(boundKey); ok && s.Bounds() {
		return s
	}
	if s.started.Load() {
		return s.awaited.Value(key) // by which package context finds its own kind
	}
	return s.Context.Value(key)
}

// await returns the context that ends as the scope does.
func (s *Scope) await() context.Context {
	if s.started.Load() {
		return s.awaited
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started.Load() {
		return s.awaited
	}
	if s.Bounds() && !s.released {
		s.awaited, s.cancel = context.WithDeadlineCause(s.base(), s.end, ErrPolicy)
	} else {
		s.awaited, s.cancel = context.WithCancel(s.Context)
	}
	if s.released {
		s.cancel()
	}
	s.started.Store(true)
	return s.awaited
}

// base is what the scope's context hangs on, where it has a bound. That is its
// caller, or the caller's where the caller is a scope that nobody waits on yet:
// the outer bound is later than this one, and its release ends this one, too, so
// that it needs no timer and no channel of its own.
func (s *Scope) base() context.Context {
	outer, ok := s.Context.(*Scope)
	if !ok || !outer.lend(s) {
		return s.Context
	}
	return outer.Context
}

// lend reports whether a scope may take this one's caller for its own.
func (s *Scope) lend(to *Scope) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released || s.started.Load() {
		return false
	}
	to.next, s.lent = s.lent, to
	return true
}
