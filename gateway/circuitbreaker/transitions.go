package circuitbreaker

import "context"

// maxPending bounds the transitions that wait for a slow OnTransition.
const maxPending = 16

// Transition is a breaker's move from one state to another.
type Transition struct {
	Name     string // of the breaker, see [Options.Name]
	From, To State
}

// pending is a transition that OnTransition has yet to be told, with the context
// of the call that brought it about.
type pending struct {
	ctx      context.Context
	from, to State
}

// transitions are those that OnTransition has yet to be told. The breaker's lock
// guards them.
type transitions struct {
	pending []pending
	telling bool // one goroutine at a time tells, which keeps the order
}

// add queues a transition, or merges it into the last one when too many wait.
func (t *transitions) add(ctx context.Context, from, to State) {
	if len(t.pending) == maxPending {
		last := &t.pending[maxPending-1]
		last.ctx, last.to = ctx, to
		return
	}
	t.pending = append(t.pending, pending{ctx, from, to})
}

// next takes the oldest transition for the caller to tell, unless there is none
// or another goroutine is telling.
func (t *transitions) next() (pending, bool) {
	if t.telling || len(t.pending) == 0 {
		return pending{}, false
	}
	oldest := t.pending[0]
	t.pending = t.pending[1:]
	t.telling = true
	return oldest, true
}

// unlock releases the lock and tells of the transitions.
func (b *Breaker) unlock() {
	for {
		p, ok := b.transitions.next()
		b.mu.Unlock()
		if !ok {
			return
		}
		b.tell(p)
		b.mu.Lock()
	}
}

func (b *Breaker) tell(p pending) {
	defer func() { // also when the hook panics or exits its goroutine
		b.mu.Lock()
		b.transitions.telling = false
		b.mu.Unlock()
	}()
	if p.from != p.to { // merged transitions may cancel out
		b.options.OnTransition(p.ctx, Transition{b.options.Name, p.from, p.to})
	}
}
