package faultproxy

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const dialTime = 2 * time.Second

// Proxy passes TCP connections on to a target. It is safe for concurrent use.
type Proxy struct {
	address, target string
	fault           atomic.Pointer[Fault]
	running         sync.WaitGroup // accepting and links

	mu       sync.Mutex
	listener net.Listener // nil: refuses connections
	links    map[*link]struct{}
	closed   bool
}

// New returns a proxy in front of target that listens on address, such as
// "127.0.0.1:0". End it with [Proxy.Close].
func New(address, target string) (*Proxy, error) {
	p := &Proxy{address: address, target: target, links: map[*link]struct{}{}}
	p.fault.Store(&Fault{})
	if err := p.Accept(); err != nil {
		return nil, err
	}
	return p, nil
}

// Address is where the proxy listens, now or as soon as it accepts again.
func (p *Proxy) Address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

// Set makes the network misbehave so from now on, on all connections.
func (p *Proxy) Set(f Fault) { p.fault.Store(&f) }

// Accept takes connections again after [Proxy.Refuse].
func (p *Proxy) Accept() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return fmt.Errorf("fault proxy: %w", err)
	}
	p.listener, p.address = listener, listener.Addr().String()
	p.running.Go(func() { p.serve(listener) })
	return nil
}

// Refuse stops listening, so that connections are refused, and resets those
// that exist: what a dead host's kernel does.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.Reset()
}

// Reset ends the connections that exist with a TCP reset.
func (p *Proxy) Reset() { p.each((*link).reset) }

// Disconnect closes the connections that exist in order.
func (p *Proxy) Disconnect() { p.each((*link).close) }

// HalfOpen forgets the connections that exist without telling either side:
// bytes on them vanish, as when a firewall has lost its state. New connections
// work.
func (p *Proxy) HalfOpen() { p.each((*link).forget) }

// Links is how many connections there are.
func (p *Proxy) Links() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Close ends the proxy and its connections and waits for that.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.running.Wait()
	return nil
}

func (p *Proxy) each(do func(*link)) {
	p.mu.Lock()
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	p.mu.Unlock()
	for _, l := range links {
		do(l)
	}
}

func (p *Proxy) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of one connection, such as one reset before it was accepted
		}
		p.running.Go(func() { p.link(client) })
	}
}

// link serves one connection until either side ends it.
func (p *Proxy) link(client net.Conn) {
	l := &link{fault: &p.fault, client: client, ended: make(chan struct{})}
	if !p.add(l) {
		l.reset()
		return
	}
	defer p.remove(l)
	if !l.passage() {
		return
	}
	server, err := net.DialTimeout("tcp", p.target, dialTime)
	if err != nil {
		l.reset()
		return
	}
	l.join(server)
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.listener == nil {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	l.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// FreeAddress returns an address on loopback that nobody listens at now.
func FreeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("fault proxy: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}
