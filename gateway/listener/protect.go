package listener

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// pingAfter is how long a connection of HTTP/2 may be silent before it is asked
// whether it lives. A client in the middle of a header block cannot answer.
const pingAfter = 15 * time.Second

// Protect puts the bounds around a server's handler, which must be set, and sets
// what its connections of HTTP/2 may hold. It counts the requests that the server
// refuses by itself, of connections that [Guard.Listen] has made. It must be called
// before the server serves.
func (g *Guard) Protect(s *http.Server) {
	s.Handler = g.handler(s.Handler, s.WriteTimeout)
	s.DisableGeneralOptionsHandler = true // a handler sees all that is no refusal
	inContext := s.ConnContext
	s.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		if inContext != nil {
			ctx = inContext(ctx, conn)
		}
		return remember(ctx, conn)
	}
	maxHeader := cmp.Or(s.MaxHeaderBytes, http.DefaultMaxHeaderBytes)
	told := s.ConnState
	s.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateIdle && !isHTTP2(conn) {
			_ = conn.SetWriteDeadline(time.Time{}) // that of the response before; a connection that has ended needs none
		}
		g.refused.follow(conn, state, maxHeader)
		if told != nil {
			told(conn, state)
		}
	}
	ping := s.ReadHeaderTimeout
	if ping <= 0 {
		ping = g.options.StallTimeout
	}
	o := g.options.HTTP2
	s.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          o.MaxConcurrentStreams,
		MaxReadFrameSize:              o.MaxFrameBytes,
		MaxReceiveBufferPerStream:     o.StreamWindowBytes,
		MaxReceiveBufferPerConnection: o.ConnectionWindowBytes,
		WriteByteTimeout:              g.options.StallTimeout,
		SendPingTimeout:               pingAfter,
		PingTimeout:                   ping,
		CountError:                    func(string) { g.refused.http2.Add(1) },
	}
}

// isHTTP2 tells whether deadlines of a connection are its own server's: one of HTTP/2
// that has no stream any more may still write for the last.
func isHTTP2(conn net.Conn) bool {
	secure, ok := conn.(*tls.Conn)
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2"
}
