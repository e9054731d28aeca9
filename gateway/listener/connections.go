package listener

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// connections counts what is open.
type connections struct {
	mu        sync.Mutex
	all       int
	byAddress map[netip.Addr]int
	accepted  int64
}

func (c *connections) open() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int64(c.all)
}

func (c *connections) taken() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted
}

// Listen returns a listener whose connections are within the bounds.
func (g *Guard) Listen(from net.Listener) net.Listener { return &bounded{from, g} }

type bounded struct {
	net.Listener
	guard *Guard
}

// Accept implements net.Listener. What is one too many is closed.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if release, ok := b.guard.admit(conn.RemoteAddr()); ok {
			return &counted{Conn: conn, release: release, moved: &b.guard.moved}, nil
		}
		_ = conn.Close() // nothing was said on it
	}
}

// admit counts a connection until it is released.
func (g *Guard) admit(from net.Addr) (release func(), ok bool) {
	address, exempt := g.clientOf(from)
	c := &g.connections
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.all >= g.options.MaxConnections:
		g.refusedInAll.Add(1)
		return nil, false
	case !exempt && c.byAddress[address] >= g.options.MaxConnectionsPerAddress:
		g.refusedByAddress.Add(1)
		return nil, false
	}
	c.all++
	c.accepted++
	if !exempt {
		c.byAddress[address]++
	}
	return func() { c.leave(address, exempt) }, true
}

func (c *connections) leave(address netip.Addr, exempt bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if exempt {
		return
	}
	if c.byAddress[address]--; c.byAddress[address] == 0 {
		delete(c.byAddress, address)
	}
}

// clientOf returns what a connection is counted by. A client has a whole /64 of
// IPv6 to itself.
func (g *Guard) clientOf(from net.Addr) (address netip.Addr, exempt bool) {
	port, err := netip.ParseAddrPort(from.String())
	if err != nil {
		return netip.Addr{}, true // no network: this machine's own
	}
	address = port.Addr().Unmap().WithZone("")
	if slices.ContainsFunc(*g.proxies.Load(), func(p netip.Prefix) bool { return p.Contains(address) }) {
		return address, true
	}
	if address.Is6() {
		network, _ := address.Prefix(64) // it has that many bits
		address = network.Addr()
	}
	return address, false
}

// moved counts the bytes of all connections.
type moved struct{ received, sent atomic.Int64 }

// counted is a connection that tells when it is closed.
type counted struct {
	net.Conn
	once    sync.Once
	release func()
	stalled atomic.Bool // its client did not take what was written
	moved   *moved

	exchange exchange
}

// Write implements net.Conn.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.exchange.written.Add(int64(n))
	c.moved.sent.Add(int64(n))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.stalled.Store(true)
	}
	return n, err
}

// Close implements net.Conn. A connection whose client takes nothing is reset: the
// kernel would else offer it for minutes what it holds of the response.
func (c *counted) Close() error {
	c.once.Do(c.release)
	if tcp, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok && c.stalled.Load() {
		_ = tcp.SetLinger(0) // the connection is closed in any case
	}
	return c.Conn.Close()
}

// CloseWrite lets a server say its last word before it closes.
func (c *counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}
