package balancer

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// TCP is a balancer of connections: round robin over the members that say they are
// ready. It looks at new connections alone; those that it has made stay where they
// are until one of both ends closes them.
type TCP struct {
	members  []*member
	next     atomic.Uint64
	listener net.Listener
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

// dialTime bounds how long a member may take to accept a connection.
const dialTime = 5 * time.Second

// StartTCP serves on a free port of loopback. A member's base is an address. End it
// with [TCP.Close].
func StartTCP(members ...Member) (*TCP, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("balancer: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &TCP{listener: listener, stop: stop, open: map[net.Conn]struct{}{}}
	for _, m := range members {
		watched := &member{Member: m}
		watched.in.Store(m.Ready(ctx))
		b.members = append(b.members, watched)
		b.running.Go(func() { watched.watch(ctx) })
	}
	b.running.Go(b.accept)
	return b, nil
}

// Address is where the balancer listens.
func (b *TCP) Address() string { return b.listener.Addr().String() }

// In reports whether the i-th member gets new connections.
func (b *TCP) In(i int) bool { return b.members[i].in.Load() }

// Close ends the balancer with its connections, and waits for that.
func (b *TCP) Close() error {
	b.stop()
	err := b.listener.Close()
	b.mu.Lock()
	b.closed = true
	for conn := range b.open {
		_ = conn.Close()
	}
	b.mu.Unlock()
	b.running.Wait()
	return err
}

func (b *TCP) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return // closed
		}
		b.running.Go(func() { b.pass(client) })
	}
}

// pass connects a client with one member, once.
func (b *TCP) pass(client net.Conn) {
	defer b.forget(client)
	to := b.choose()
	if to == nil || !b.keep(client) {
		return
	}
	gateway, err := net.DialTimeout("tcp", to.Base, dialTime)
	if err != nil {
		return
	}
	defer b.forget(gateway)
	if !b.keep(gateway) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { oneWay(gateway, client) })
	both.Go(func() { oneWay(client, gateway) })
	both.Wait()
}

// oneWay passes bytes on, and their end, too.
func oneWay(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.(*net.TCPConn).CloseWrite()
}

// choose returns the member whose turn it is, or nil where none is ready.
func (b *TCP) choose() *member {
	first := b.next.Add(1)
	for i := range uint64(len(b.members)) {
		if m := b.members[(first+i)%uint64(len(b.members))]; m.in.Load() {
			return m
		}
	}
	return nil
}

// keep remembers a connection, and reports false where the balancer has ended.
func (b *TCP) keep(conn net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.open[conn] = struct{}{}
	}
	return !b.closed
}

func (b *TCP) forget(conn net.Conn) {
	b.mu.Lock()
	delete(b.open, conn)
	b.mu.Unlock()
	_ = conn.Close()
}
