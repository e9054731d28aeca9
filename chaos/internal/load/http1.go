package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"time"
)

// HTTP1 is a client of HTTP/1.1 with one connection, which it keeps until a
// response says that it ends. It sends each request once: unlike net/http's own
// client it does not send again what a closed connection has lost, so that it hides
// nothing.
type HTTP1 struct {
	// Address is where to connect, by TLS as TLS says. Required.
	Address string
	TLS     *tls.Config
	// Header is sent with every request.
	Header http.Header

	conn net.Conn
	read *bufio.Reader
}

// Do implements [Client].
func (c *HTTP1) Do(ctx context.Context, request Request) Sample {
	sample, keep := c.once(ctx, request)
	if !keep {
		c.Close()
	}
	return sample
}

// Close implements [Client].
func (c *HTTP1) Close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// once sends a request; keep tells whether the connection may have another.
func (c *HTTP1) once(ctx context.Context, request Request) (sample Sample, keep bool) {
	if err := c.connect(ctx); err != nil {
		return Sample{Failure: "connecting: " + kind(err)}, false
	}
	sent, err := http.NewRequestWithContext(ctx, request.Method, "http://"+c.Address+request.Path, strings.NewReader(request.Body))
	if err != nil {
		return Sample{Failure: err.Error()}, false
	}
	maps.Copy(sent.Header, c.Header)
	sent.Header.Set("X-Forwarded-For", request.From)
	if err := sent.Write(c.conn); err != nil {
		return Sample{Failure: kind(err)}, false
	}
	response, err := http.ReadResponse(c.read, sent)
	if err != nil {
		return Sample{Failure: kind(err)}, false
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return Sample{Failure: fmt.Sprintf("%d, then %s", response.StatusCode, kind(err))}, false
	}
	return Sample{Status: response.StatusCode, Reason: reason(response.StatusCode, body)}, !response.Close
}

func (c *HTTP1) connect(ctx context.Context) error {
	if c.conn == nil {
		dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: defaultTimeout}, Config: c.TLS}
		conn, err := dialer.DialContext(ctx, "tcp", c.Address)
		if err != nil {
			return err
		}
		c.conn, c.read = conn, bufio.NewReader(conn)
	}
	return c.conn.SetDeadline(time.Now().Add(defaultTimeout))
}
