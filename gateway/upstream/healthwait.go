package upstream

import (
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// checkedConn is a connection of a lane or a layer, whose health is awaited for a time.
// grpc-go waits for ever for a server that takes the question and never answers, and
// every call to its address with it.
type checkedConn struct {
	balancer.SubConn
	wait time.Duration

	mu     sync.Mutex
	latest *healthWait
}

// NewSubConn makes a connection for the balancer of an address.
func (l *lane) NewSubConn(to []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	return newChecked(l.ClientConn, to, o, l.parent.connectTimeout())
}

func newChecked(cc balancer.ClientConn, to []resolver.Address, o balancer.NewSubConnOptions, wait time.Duration) (balancer.SubConn, error) {
	sc, err := cc.NewSubConn(to, o) //nolint:staticcheck // there is no other way to a connection
	if err != nil {
		return nil, err
	}
	return &checkedConn{SubConn: sc, wait: wait}, nil
}

// bare is the connection as grpc-go knows it.
func bare(sc balancer.SubConn) balancer.SubConn {
	if own, ok := sc.(*checkedConn); ok {
		return own.SubConn
	}
	return sc
}

// RegisterHealthListener has a listener told of the connection's health.
func (c *checkedConn) RegisterHealthListener(listener func(balancer.SubConnState)) {
	var next *healthWait
	if listener != nil {
		next = &healthWait{listener: listener, wait: c.wait}
	}
	c.replace(next)
	if next == nil {
		c.SubConn.RegisterHealthListener(nil)
		return
	}
	c.SubConn.RegisterHealthListener(next.take)
}

// Shutdown closes the connection.
func (c *checkedConn) Shutdown() {
	c.replace(nil)
	c.SubConn.Shutdown()
}

// replace ends what was waited for before.
func (c *checkedConn) replace(next *healthWait) {
	c.mu.Lock()
	before := c.latest
	c.latest = next
	c.mu.Unlock()
	if before != nil {
		before.end()
	}
}

// healthWait passes on what is said of a connection's health, and says itself that
// it is bad when nothing is. A question that is asked again after a failure is no
// news.
type healthWait struct {
	listener func(balancer.SubConnState)
	wait     time.Duration

	mu     sync.Mutex
	timer  *time.Timer // runs while nothing was said
	failed bool
	over   bool
}

func (h *healthWait) take(s balancer.SubConnState) {
	if h.isNews(s.ConnectivityState) {
		h.listener(s) // without the lock: the listener has its own, which are held when it registers
	}
}

func (h *healthWait) isNews(state connectivity.State) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return false
	}
	if state != connectivity.Connecting {
		h.stop()
		h.failed = state == connectivity.TransientFailure
		return true
	}
	if h.timer == nil {
		h.timer = time.AfterFunc(h.wait, h.giveUp)
	}
	return !h.failed
}

// giveUp is for a server that has said nothing. What it says later counts.
func (h *healthWait) giveUp() {
	h.mu.Lock()
	waits := h.timer != nil && !h.over
	h.timer = nil
	again := h.failed
	h.failed = h.failed || waits
	h.mu.Unlock()
	if waits && !again {
		h.listener(balancer.SubConnState{
			ConnectivityState: connectivity.TransientFailure,
			ConnectionError:   fmt.Errorf("connection active but its health check has had no response for %s", h.wait),
		})
	}
}

func (h *healthWait) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.over = true
	h.stop()
}

func (h *healthWait) stop() {
	if h.timer != nil {
		h.timer.Stop()
		h.timer = nil
	}
}
