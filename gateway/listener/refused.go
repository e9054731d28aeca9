package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
)

// The server refuses requests that it cannot read before any handler sees them, and
// tells nobody. What it does can be seen at its connection: it writes a response
// though no handler ran, or ends it in the middle of a header. Of HTTP/2 it counts
// its errors itself.

const (
	// leastResponse is shorter than every refusal of the server, and longer than
	// what TLS says for itself at an end.
	leastResponse = 100
	// slack is what the server reads of a header beyond its bound.
	slack = 4 << 10
)

// refusals counts what no handler has seen.
type refusals struct {
	malformed, tooLarge, timedOut, handshakes, http2 atomic.Int64
}

// exchange is what a connection of HTTP/1.1 says since its last response.
type exchange struct {
	read, written  atomic.Int64
	timedOut       atomic.Bool
	handled        atomic.Bool // a handler has begun
	begun, resumed atomic.Bool // a request has, the first; there was a response before
}

// next begins with a new request.
func (e *exchange) next() {
	e.read.Store(0)
	e.written.Store(0)
	e.timedOut.Store(false) // so the server ends what it reads beside a handler
	e.handled.Store(false)
	e.begun.Store(false)
}

type connectionKey struct{}

// remember lets handlers know their connection.
func remember(ctx context.Context, conn net.Conn) context.Context {
	if c := own(conn); c != nil {
		return context.WithValue(ctx, connectionKey{}, &c.exchange)
	}
	return ctx
}

// handled notes that a request has reached a handler.
func handled(r *http.Request) {
	if e, ok := r.Context().Value(connectionKey{}).(*exchange); ok {
		e.handled.Store(true)
	}
}

// own returns what Listen has made of a connection, below TLS where there is any.
func own(conn net.Conn) *counted {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	c, _ := conn.(*counted)
	return c
}

// follow notices what becomes of the requests of a connection.
func (r *refusals) follow(conn net.Conn, state http.ConnState, maxHeader int) {
	c := own(conn)
	if c == nil || isHTTP2(conn) {
		return
	}
	switch e := &c.exchange; state {
	case http.StateActive:
		e.begun.Store(true)
		e.written.Store(0) // of the handshake
	case http.StateIdle:
		e.next()
		e.resumed.Store(true)
	case http.StateClosed:
		r.ended(conn, e, int64(maxHeader))
	}
}

// ended counts why a connection ended, where it was for a request. What a client
// sends before it has seen the response before may count for that, and is then
// missing here: a request so small cannot be told from none.
func (r *refusals) ended(conn net.Conn, e *exchange, maxHeader int64) {
	begun, resumed, read := e.begun.Load(), e.resumed.Load(), e.read.Load()
	switch {
	case e.handled.Load():
	case !begun && !resumed:
		if secure, ok := conn.(*tls.Conn); ok && read > 0 && !secure.ConnectionState().HandshakeComplete {
			r.handshakes.Add(1)
		}
	case e.written.Load() >= leastResponse && read >= maxHeader+slack:
		r.tooLarge.Add(1)
	case e.written.Load() >= leastResponse:
		r.malformed.Add(1)
	case e.timedOut.Load() && (begun || read > 0):
		r.timedOut.Add(1)
	}
}

// Read implements net.Conn.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.exchange.read.Add(int64(n))
	c.moved.received.Add(int64(n))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.exchange.timedOut.Store(true)
	}
	return n, err
}
