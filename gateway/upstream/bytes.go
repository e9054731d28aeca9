package upstream

import (
	"context"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
)

// moved counts the bytes of an upstream's connections.
type moved struct{ received, sent atomic.Int64 }

// countingCredentials are credentials whose connections count their bytes. A dialer could count,
// too, but grpc-go bounds the time of unacknowledged bytes (TCP_USER_TIMEOUT) only for
// connections that are TCP's own when it dials, and a stats handler costs each call
// allocations.
type countingCredentials struct {
	credentials.TransportCredentials
	moved *moved
}

// ClientHandshake implements credentials.TransportCredentials.
func (c countingCredentials) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		return nil, nil, err
	}
	return &countedConn{conn, c.moved}, info, nil
}

// Clone implements credentials.TransportCredentials.
func (c countingCredentials) Clone() credentials.TransportCredentials {
	return countingCredentials{c.TransportCredentials.Clone(), c.moved}
}

// countedConn is one of the connections.
type countedConn struct {
	net.Conn
	moved *moved
}

// Read implements net.Conn.
func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.moved.received.Add(int64(n))
	return n, err
}

// Write implements net.Conn.
func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.moved.sent.Add(int64(n))
	return n, err
}
