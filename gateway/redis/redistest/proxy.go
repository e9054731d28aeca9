//go:build unix

package redistest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy passes on what its clients and a server say, late, or not at all for a
// while. It ends with the test that started it.
type Proxy struct {
	// Addr is host:port.
	Addr string

	target   string
	listener net.Listener
	work     sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	passes chan struct{} // closed: everything passes
	delay  time.Duration
	closed bool
}

// StartProxy starts a proxy before a server.
func StartProxy(t testing.TB, server *Server) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{
		Addr: listener.Addr().String(), target: server.Addr, listener: listener,
		open: make(map[net.Conn]struct{}), passes: make(chan struct{}),
	}
	close(p.passes)
	p.work.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Cut lets nothing pass any more. What was sent waits, as in a network that
// repeats it.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.passes:
		p.passes = make(chan struct{})
	default: // it is cut
	}
}

// Heal lets everything pass again.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.passes:
	default:
		close(p.passes)
	}
}

// Drop ends all connections. What was sent while nothing passed is lost.
func (p *Proxy) Drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
	clear(p.open)
}

// Delay makes each reply late by so much.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

func (p *Proxy) state() (passes <-chan struct{}, delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passes, p.delay
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(client, server) {
			return
		}
		p.work.Go(func() { p.pass(server, client, false) })
		p.work.Go(func() { p.pass(client, server, true) })
	}
}

// keep reports false where the proxy is closed, and closes both.
func (p *Proxy) keep(both ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range both {
		if p.closed {
			_ = conn.Close()
		}
		p.open[conn] = struct{}{}
	}
	return !p.closed
}

// pass copies until either side has ended, and ends the other.
func (p *Proxy) pass(to, from net.Conn, late bool) {
	defer func() { _ = to.Close() }()
	defer func() { _ = from.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		passes, delay := p.state()
		if late && delay > 0 && n > 0 {
			<-time.After(delay)
		}
		<-passes
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

func (p *Proxy) close() {
	p.Heal()
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for conn := range p.open {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.work.Wait()
}
