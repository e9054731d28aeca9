// Package listener bounds what clients hold of a process: connections, by address
// and in all; responses that they do not take; and what one connection of HTTP/2
// may have open. Nothing of it waits for a route to be known, so it stands in front
// of a gateway's handler:
//
//	guard, err := listener.New(listener.Options{})
//	...
//	server := &http.Server{Handler: gw.Handler(), ReadHeaderTimeout: 5 * time.Second}
//	guard.Protect(server)
//	err = server.Serve(guard.Listen(tcp))
//
// TLS goes on top of what Listen returns, so that a connection counts before its
// handshake.
package listener

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"
)

// Options are the bounds. The zero value is usable: each field that is zero takes
// the default that its comment names.
type Options struct {
	// MaxConnections is the most connections; more are closed as they come. Default
	// 8192.
	MaxConnections int
	// MaxConnectionsPerAddress is the most from one client address, which of IPv6
	// is its /64. Default 512.
	MaxConnectionsPerAddress int
	// TrustedProxies have no bound of their own: behind one are many clients.
	// Default: none. See [Guard.SetTrustedProxies].
	TrustedProxies []netip.Prefix
	// MinRate is how many bytes a second a client must take of a response on the
	// average, once StallTimeout is over. Default 4096; negative: any.
	MinRate int64
	// StallTimeout is how long a client may take nothing of a response. Default 10s.
	StallTimeout time.Duration
	// MaxUnsentBytes is the most bytes of responses that wait for their clients.
	// Beyond it those are cut off whose clients have taken nothing for the longest
	// time. Default 256 MiB.
	MaxUnsentBytes int64
	// HTTP2 bounds a connection of HTTP/2.
	HTTP2 HTTP2
}

// HTTP2 bounds a connection of HTTP/2.
type HTTP2 struct {
	// MaxConcurrentStreams is the most requests at a time. Default 128.
	MaxConcurrentStreams int
	// MaxFrameBytes is the largest frame that is read. Default 64 KiB.
	MaxFrameBytes int
	// StreamWindowBytes is what a client may send of a request before it is read.
	// Default 256 KiB.
	StreamWindowBytes int
	// ConnectionWindowBytes is the same for all requests together. Default 1 MiB.
	ConnectionWindowBytes int
}

func (o Options) withDefaults() Options {
	for value, unset := range map[*int]int{
		&o.MaxConnections: 8192, &o.MaxConnectionsPerAddress: 512, &o.HTTP2.MaxConcurrentStreams: 128, &o.HTTP2.MaxFrameBytes: 64 << 10,
		&o.HTTP2.StreamWindowBytes: 256 << 10, &o.HTTP2.ConnectionWindowBytes: 1 << 20,
	} {
		if *value == 0 {
			*value = unset
		}
	}
	if o.MinRate == 0 {
		o.MinRate = 4096
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = 10 * time.Second
	}
	if o.MaxUnsentBytes == 0 {
		o.MaxUnsentBytes = 256 << 20
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	for name, value := range map[string]int64{
		"MaxConnections": int64(o.MaxConnections), "MaxConnectionsPerAddress": int64(o.MaxConnectionsPerAddress),
		"StallTimeout": int64(o.StallTimeout), "MaxUnsentBytes": o.MaxUnsentBytes,
		"HTTP2.MaxConcurrentStreams": int64(o.HTTP2.MaxConcurrentStreams), "HTTP2.MaxFrameBytes": int64(o.HTTP2.MaxFrameBytes),
		"HTTP2.StreamWindowBytes": int64(o.HTTP2.StreamWindowBytes), "HTTP2.ConnectionWindowBytes": int64(o.HTTP2.ConnectionWindowBytes),
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("listener: %s is negative: %d", name, value))
		}
	}
	return errors.Join(errs...)
}

// Guard holds the clients of one address of the process to its bounds. Its methods
// are safe for concurrent use.
type Guard struct {
	options     Options
	connections connections
	unsent      unsent
	moved       moved
	proxies     atomic.Pointer[[]netip.Prefix]

	refusedByAddress, refusedInAll, cutSlow, cutUnsent atomic.Int64

	refused refusals
}

// New returns a guard. The error names every option that is wrong.
func New(o Options) (*Guard, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	g := &Guard{options: o}
	g.connections.byAddress = map[netip.Addr]int{}
	g.SetTrustedProxies(o.TrustedProxies)
	return g, nil
}

// SetTrustedProxies replaces the proxies for connections that come later.
func (g *Guard) SetTrustedProxies(proxies []netip.Prefix) { g.proxies.Store(&proxies) }

// Stats are what a guard has counted since it was made.
type Stats struct {
	// Connections are open now; UnsentBytes wait for clients now.
	Connections, UnsentBytes int64
	// Accepted are connections that were taken, those that are open included.
	Accepted int64
	// ReceivedBytes and SentBytes are those of all connections, as they are on the
	// network.
	ReceivedBytes, SentBytes int64
	// RefusedByAddress and RefusedInAll are connections that were one too many.
	RefusedByAddress, RefusedInAll int64
	// CutSlow are responses that their clients took too slowly, CutUnsent those
	// that were cut off to make room.
	CutSlow, CutUnsent int64
	// What the server refused before any handler saw it. Malformed and TooLarge are
	// requests of HTTP/1.1 and their headers; TimedOut are headers that did not
	// arrive in time; Handshakes are connections whose TLS failed.
	Malformed, TooLarge, TimedOut, Handshakes int64
	// HTTP2Errors are errors of clients' HTTP/2: of a frame, a request or a
	// connection. A header that is too large is none: its 431 is seen by nobody.
	HTTP2Errors int64
}

// Stats returns what has been counted.
func (g *Guard) Stats() Stats {
	return Stats{
		Connections: g.connections.open(), UnsentBytes: g.unsent.bytes(),
		Accepted:      g.connections.taken(),
		ReceivedBytes: g.moved.received.Load(), SentBytes: g.moved.sent.Load(),
		RefusedByAddress: g.refusedByAddress.Load(), RefusedInAll: g.refusedInAll.Load(),
		CutSlow: g.cutSlow.Load(), CutUnsent: g.cutUnsent.Load(),
		Malformed: g.refused.malformed.Load(), TooLarge: g.refused.tooLarge.Load(), TimedOut: g.refused.timedOut.Load(),
		Handshakes: g.refused.handshakes.Load(), HTTP2Errors: g.refused.http2.Load(),
	}
}
