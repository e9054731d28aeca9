package redis

import "sync"

// changes tells of changes one at a time, in their order, and without a lock:
// whoever finds nobody telling tells what others add meanwhile.
type changes struct {
	tell func(Change)

	mu      sync.Mutex
	pending []Change
	telling bool
}

// apply changes a state and tells of it if it changed.
func (c *changes) apply(change Change, try func() bool) {
	c.mu.Lock()
	if !try() || c.tell == nil {
		c.mu.Unlock()
		return
	}
	c.pending = append(c.pending, change)
	first := !c.telling
	c.telling = true
	c.mu.Unlock()
	if first {
		c.deliver()
	}
}

func (c *changes) deliver() {
	for {
		c.mu.Lock()
		if len(c.pending) == 0 {
			c.telling = false
			c.mu.Unlock()
			return
		}
		next := c.pending[0]
		c.pending = c.pending[1:]
		c.mu.Unlock()
		c.tell(next)
	}
}
