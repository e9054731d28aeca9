package circuitbreaker

// maxPending bounds the changes that wait for a slow OnStateChange.
const maxPending = 16

type change struct{ from, to State }

// changes are those that OnStateChange has yet to be told. The breaker's lock
// guards them.
type changes struct {
	pending []change
	telling bool // one goroutine at a time tells, which keeps the order
}

// add queues a change, or merges it into the last one when too many wait.
func (c *changes) add(from, to State) {
	if len(c.pending) == maxPending {
		c.pending[maxPending-1].to = to
		return
	}
	c.pending = append(c.pending, change{from, to})
}

// next takes the oldest change for the caller to tell, unless there is none or
// another goroutine is telling.
func (c *changes) next() (change, bool) {
	if c.telling || len(c.pending) == 0 {
		return change{}, false
	}
	oldest := c.pending[0]
	c.pending = c.pending[1:]
	c.telling = true
	return oldest, true
}

// unlock releases the lock and tells what has changed.
func (b *Breaker) unlock() {
	for {
		change, ok := b.changes.next()
		b.mu.Unlock()
		if !ok {
			return
		}
		b.tell(change)
		b.mu.Lock()
	}
}

func (b *Breaker) tell(c change) {
	defer func() { // also when the hook panics or exits its goroutine
		b.mu.Lock()
		b.changes.telling = false
		b.mu.Unlock()
	}()
	if c.from != c.to { // merged changes may cancel out
		b.options.OnStateChange(b.options.Name, c.from, c.to)
	}
}
