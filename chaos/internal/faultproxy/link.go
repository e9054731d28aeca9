package faultproxy

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	chunkBytes = 4 << 10
	// queued bounds the chunks under way of one direction.
	queued = 64
	// slice is how often a slow connection lets bytes through.
	slice = 20 * time.Millisecond
)

// link is one connection: the client's and the target's.
type link struct {
	fault    *atomic.Pointer[Fault]
	client   net.Conn
	forgot   atomic.Bool
	mu       sync.Mutex
	server   net.Conn // nil until joined
	endsOnce sync.Once
	ended    chan struct{}
}

// join carries bytes between the two sides until one of them ends. What goes to
// the target is not delayed: a round trip meets each delay once.
func (l *link) join(server net.Conn) {
	l.mu.Lock()
	l.server = server
	l.mu.Unlock()
	select {
	case <-l.ended: // before it knew of server
		_ = server.Close()
		return
	default:
	}
	var both sync.WaitGroup
	both.Go(func() { l.carry(server, l.client) })
	both.Go(func() { l.carryLate(l.client, server) })
	both.Wait()
}

// passage waits while nothing gets through; false tells that the link has
// ended. TCP repeats what a black hole has taken, so that it comes late.
func (l *link) passage() bool {
	for l.fault.Load().BlackHole {
		if !l.wait(slice) {
			return false
		}
	}
	return true
}

// forget makes all further bytes vanish, in both directions.
func (l *link) forget() { l.forgot.Store(true) }

// end ends both sides, the first time that it is called.
func (l *link) end(prepare func(net.Conn)) {
	l.endsOnce.Do(func() {
		close(l.ended)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, conn := range []net.Conn{l.client, l.server} {
			if conn != nil {
				prepare(conn)
				_ = conn.Close()
			}
		}
	})
}

func (l *link) close() { l.end(func(net.Conn) {}) }

// reset sends RST in place of FIN.
func (l *link) reset() {
	l.end(func(conn net.Conn) {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	})
}

// carry passes bytes on at once.
func (l *link) carry(to, from net.Conn) {
	defer l.hangUp()
	buffer := make([]byte, chunkBytes)
	for {
		n, err := from.Read(buffer)
		if !l.passage() {
			return
		}
		if n > 0 && !l.forgot.Load() {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// hangUp ends the link after one side has, unless the end is among what
// vanishes: the other side then learns nothing.
func (l *link) hangUp() {
	if !l.forgot.Load() {
		l.close()
	}
}

// chunk is what arrives together, and when it may leave.
type chunk struct {
	bytes []byte
	due   time.Time
}

// carryLate passes bytes on with the fault's delay, in their order.
func (l *link) carryLate(to, from net.Conn) {
	late := make(chan chunk, queued)
	var sending sync.WaitGroup
	sending.Go(func() { l.send(to, late) })
	defer sending.Wait()
	defer close(late)
	for {
		buffer := make([]byte, chunkBytes)
		n, err := from.Read(buffer)
		if n > 0 {
			select {
			case late <- chunk{buffer[:n], time.Now().Add(l.fault.Load().delay())}:
			case <-l.ended:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// send writes chunks when they are due, until there are no more.
func (l *link) send(to net.Conn, chunks <-chan chunk) {
	defer l.hangUp()
	for c := range chunks {
		if !l.wait(time.Until(c.due)) || !l.drip(to, c.bytes) {
			return
		}
	}
}

// drip writes as fast as the fault allows.
func (l *link) drip(to net.Conn, bytes []byte) bool {
	for len(bytes) > 0 {
		if !l.passage() {
			return false
		}
		if l.forgot.Load() {
			return true
		}
		n, rate := len(bytes), l.fault.Load().BytesPerSecond
		if rate > 0 {
			n = min(n, max(1, rate*int(slice)/int(time.Second)))
		}
		if _, err := to.Write(bytes[:n]); err != nil {
			return false
		}
		bytes = bytes[n:]
		if rate > 0 && !l.wait(time.Duration(n)*time.Second/time.Duration(rate)) {
			return false
		}
	}
	return true
}

// wait reports whether the link is still there after d.
func (l *link) wait(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ended:
		return false
	}
}
