package load

import (
	"context"
	"crypto/tls"
	"net/http"
)

// HTTP2 is a connection of HTTP/2 that several clients share. Streams above the
// last id of a GOAWAY, which the server has not seen, it sends again on the next
// connection (RFC 9113, section 6.8); nothing else.
type HTTP2 struct{ run Run }

// NewHTTP2 returns clients of base that share a connection.
func NewHTTP2(base string, secured *tls.Config, header http.Header) *HTTP2 {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	transport := &http.Transport{TLSClientConfig: secured, Protocols: &protocols}
	return &HTTP2{run: Run{
		plan:   Plan{Base: base, Header: header},
		client: &http.Client{Transport: transport, Timeout: defaultTimeout},
	}}
}

// Do implements [Client]. It may run concurrently.
func (c *HTTP2) Do(ctx context.Context, request Request) Sample { return c.run.call(ctx, request) }

// Close implements [Client].
func (c *HTTP2) Close() { c.run.client.CloseIdleConnections() }
