package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// Credentials are what a [Client] authenticates with. They print and log
// without their passwords.
type Credentials struct {
	// Username and Password are those of [Options].
	Username, Password string
	// SentinelUsername and SentinelPassword are those of [Options].
	SentinelUsername, SentinelPassword string
}

// String describes the credentials without their passwords.
func (c Credentials) String() string {
	return fmt.Sprintf("user=%q sentinel user=%q", c.Username, c.SentinelUsername)
}

// GoString is String.
func (c Credentials) GoString() string { return c.String() }

// LogValue is String.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Credentials) validate(sentinel bool) error {
	var errs []error
	if c.Username != "" && c.Password == "" {
		errs = append(errs, errors.New("a user name without a password"))
	}
	if c.SentinelUsername != "" && c.SentinelPassword == "" {
		errs = append(errs, errors.New("a sentinel user name without a password"))
	}
	if !sentinel && c.SentinelPassword != "" {
		errs = append(errs, errors.New("a sentinel password without a sentinel"))
	}
	return errors.Join(errs...)
}

func (o Options) credentials() Credentials {
	return Credentials{o.Username, o.Password, o.SentinelUsername, o.SentinelPassword}
}

// SetCredentials makes the client authenticate every new connection with other
// credentials, for instance after a password was rotated. It returns every
// fault at once and changes nothing then.
//
// Connections that exist are left alone, as Redis leaves them: they stay until
// they end. Credentials that the server refuses therefore show with the next
// connection: its calls fail, the node is given up, [Options.OnChange] is told
// of the refusal, and the probes find the node well within
// [Options.ProbeInterval] of the right ones.
func (c *Client) SetCredentials(next Credentials) error {
	if err := next.validate(c.opts.Sentinel != ""); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	c.credentials.Store(&next)
	for g := range c.topology.Load().probes {
		g.refusalTold.Store(false)
	}
	return nil
}

// authenticate returns the credentials for a new connection.
func (c *Client) authenticate(to rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
	current := c.credentials.Load()
	if _, ok := to.Address.(sentinelAddr); ok {
		return rueidis.AuthCredentials{Username: current.SentinelUsername, Password: current.SentinelPassword}, nil
	}
	return rueidis.AuthCredentials{Username: current.Username, Password: current.Password}, nil
}

// The library asks for credentials with nothing but a connection's address, for
// servers and sentinels alike. So connections to sentinels carry an address of a
// type of their own; sentinels are known by the dialer that the library has for
// them, marked by its resolver (an empty one resolves as none does).
type (
	sentinelConn struct{ net.Conn }
	sentinelAddr struct{ net.Addr }
)

// RemoteAddr implements net.Conn.
func (c sentinelConn) RemoteAddr() net.Addr { return sentinelAddr{c.Conn.RemoteAddr()} }

func sentinelDialer(d net.Dialer) net.Dialer {
	d.Resolver = new(net.Resolver)
	return d
}

// connectTo dials a server or a sentinel.
func (c *Client) connectTo(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	conn, err := dialWith(ctx, address, dialer, config)
	if err != nil {
		return nil, err
	}
	if dialer.Resolver != nil {
		conn = sentinelConn{conn}
	}
	c.counters.open.Add(1)
	return &countedConn{Conn: conn, open: &c.counters.open}, nil
}

// countedConn is a connection that counts until it is closed.
type countedConn struct {
	net.Conn
	once sync.Once
	open *atomic.Int64
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

func dialWith(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	if config == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	secure := tls.Dialer{NetDialer: dialer, Config: config}
	return secure.DialContext(ctx, "tcp", address)
}
