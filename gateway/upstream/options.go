package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// Options say how connections to one upstream behave. The zero value is usable:
// each field that is zero takes the default that its comment names. Options are
// checked by [New] and never change after it.
type Options struct {
	// Name is what the gateway calls the upstream, such as in the audience of tokens
	// for it. Default: none.
	Name string
	// ConnectionsPerAddress is the number of HTTP/2 connections to each address,
	// of which a call takes the one with the fewest calls in flight. More than one
	// helps where a server bounds the streams of a connection. Default 1, from 1
	// to 64.
	ConnectionsPerAddress int
	// ConnectTimeout is how long an attempt to connect may take, the TLS handshake
	// included. Default 2s, from 100ms to 1m.
	ConnectTimeout time.Duration
	// BackoffBase is how long a failed address waits before it is tried again;
	// each further failure waits 1.6 times longer, up to BackoffMax, give or take a
	// fifth. Default 100ms, or BackoffMax where that is shorter; from 10ms to 1m.
	BackoffBase time.Duration
	// BackoffMax is the longest such wait. It should stay far below a breaker's
	// open time, so that its first probe finds a service that is back. Default 1s,
	// or BackoffBase where that is longer; from BackoffBase to 5m.
	BackoffMax time.Duration
	// KeepaliveTime is how long a connection with calls may be silent before it is
	// pinged. A gRPC server closes connections that ping more often than its
	// enforcement policy permits ("too_many_pings"), which is every five minutes
	// unless somebody tuned it. Data that is sent and not acknowledged is noticed
	// within KeepaliveTimeout in any case. Default 5m, from 10s (grpc-go's least) to
	// 1h.
	KeepaliveTime time.Duration
	// KeepaliveTimeout is how long a ping may go without an acknowledgement before the
	// connection is closed and its calls fail; it also bounds how long sent data
	// may stay unacknowledged (TCP_USER_TIMEOUT). Default 10s, from 1s to 1m.
	KeepaliveTimeout time.Duration
	// KeepaliveWhenIdle pings connections without calls too. The server must
	// permit it.
	KeepaliveWhenIdle bool
	// IdleTimeout is how long an upstream may go without calls before its
	// connections are closed; the next call connects again. Default 30m, from 1s
	// to 24h.
	IdleTimeout time.Duration
	// NeverIdle connects at once and keeps the connections; IdleTimeout then says
	// nothing.
	NeverIdle bool
	// ResolveInterval is how often the name of a dns target is looked up again,
	// give or take a tenth. A lost connection has it looked up earlier, at most
	// every 5s. Other targets keep themselves up to date. Default 30s, from 1s to
	// 1h.
	ResolveInterval time.Duration
	// SlowStart is how long an address that is new, or was unreachable, takes to
	// get its full share of calls: from a tenth of it the share grows evenly. 0:
	// it has its full share at once. Else from 1s to 1h.
	SlowStart time.Duration
	// EjectionReturn is how long an address whose breaker in a [Group] has closed
	// again takes to get its full share of the group's calls, which grows as in
	// SlowStart. Default 10s, from 1s to 1h; any negative value gives the full
	// share at once.
	EjectionReturn time.Duration
	// HealthCheck asks each connection's server whether it serves.
	HealthCheck HealthCheck
	// TLS secures the connections. Nil: plain text.
	TLS *TLS
	// MaxReceiveBytes bounds a response. Default 4 MiB, from 1 KiB to 1 GiB.
	MaxReceiveBytes int
	// MaxSendBytes bounds a request. Default and most 2 GiB - 1, at least 1 KiB.
	MaxSendBytes int
	// StreamWindowBytes is what a server may send on a call before it must wait
	// for the reader. 0: the window follows the connection's bandwidth and delay.
	// Else from 64 KiB - 1 to 1 GiB; fixing one of the two windows fixes both.
	StreamWindowBytes int32
	// ConnectionWindowBytes is the same for all calls of a connection together.
	ConnectionWindowBytes int32

	// Resolver finds the addresses of a target with its scheme, in place of the
	// one that grpc-go has for it. Nil: grpc-go's.
	Resolver resolver.Builder
	// OnChange, where set, is told each change of an address's state, in order, on
	// one goroutine of the connection. When more than 256 changes wait, newer ones
	// are lost; [Conn.View] has the truth.
	OnChange func(Change)
	// DialOptions are applied last, such as a dialer or a stats handler. They must
	// not replace the resolver or the service config.
	DialOptions []grpc.DialOption
}

// HealthCheck is the client's side of grpc.health.v1. An address whose server
// reports NOT_SERVING gets no calls until it serves again, nor does one that does
// not know Service, nor one that has not said anything within ConnectTimeout. A
// server without the health service counts as serving, and grpc-go's log says so for
// each connection.
type HealthCheck struct {
	// Disabled asks nobody.
	Disabled bool
	// Service is the name that is asked about. Default "", the server as a whole.
	// At most 1024 bytes.
	Service string
}

// Change is a change of the state of an address.
type Change struct {
	Target   string // as given to New
	Address  string // host:port
	From, To connectivity.State
	// Err says why, with To TransientFailure.
	Err error
}

// withDefaults fills in the fields that are zero.
func (o Options) withDefaults() Options {
	o.ConnectionsPerAddress = cmp.Or(o.ConnectionsPerAddress, 1)
	o.ConnectTimeout = cmp.Or(o.ConnectTimeout, 2*time.Second)
	if o.BackoffBase == 0 {
		o.BackoffBase = 100 * time.Millisecond
		if o.BackoffMax > 0 {
			o.BackoffBase = min(o.BackoffBase, o.BackoffMax)
		}
	}
	o.BackoffMax = cmp.Or(o.BackoffMax, max(time.Second, o.BackoffBase))
	o.KeepaliveTime = cmp.Or(o.KeepaliveTime, 5*time.Minute)
	o.KeepaliveTimeout = cmp.Or(o.KeepaliveTimeout, 10*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 30*time.Minute)
	o.ResolveInterval = cmp.Or(o.ResolveInterval, 30*time.Second)
	o.EjectionReturn = cmp.Or(o.EjectionReturn, 10*time.Second)
	o.MaxReceiveBytes = cmp.Or(o.MaxReceiveBytes, defaultReceive)
	o.MaxSendBytes = cmp.Or(o.MaxSendBytes, maxSend)
	return o
}

// The bounds of messages that gRPC has by itself.
const (
	defaultReceive = 4 << 20
	maxSend        = 1<<31 - 1
)

// validate returns everything that is wrong with options that have their
// defaults.
func (o Options) validate() error {
	return errors.Join(
		within("ConnectionsPerAddress", o.ConnectionsPerAddress, 1, 64),
		within("ConnectTimeout", o.ConnectTimeout, 100*time.Millisecond, time.Minute),
		within("BackoffBase", o.BackoffBase, 10*time.Millisecond, time.Minute),
		within("BackoffMax", o.BackoffMax, o.BackoffBase, 5*time.Minute),
		within("KeepaliveTime", o.KeepaliveTime, 10*time.Second, time.Hour),
		within("KeepaliveTimeout", o.KeepaliveTimeout, time.Second, time.Minute),
		within("IdleTimeout", o.IdleTimeout, time.Second, 24*time.Hour),
		within("ResolveInterval", o.ResolveInterval, time.Second, time.Hour),
		within("MaxReceiveBytes", o.MaxReceiveBytes, 1<<10, 1<<30),
		within("MaxSendBytes", o.MaxSendBytes, 1<<10, maxSend),
		zeroOrWithin("SlowStart", o.SlowStart, time.Second, time.Hour),
		zeroOrWithin("EjectionReturn", max(o.EjectionReturn, 0), time.Second, time.Hour),
		zeroOrWithin("StreamWindowBytes", o.StreamWindowBytes, 1<<16-1, 1<<30),
		zeroOrWithin("ConnectionWindowBytes", o.ConnectionWindowBytes, 1<<16-1, 1<<30),
		within("the length of HealthCheck.Service", len(o.HealthCheck.Service), 0, 1024),
	)
}

func within[T int | int32 | time.Duration](name string, value, least, most T) error {
	if value < least || value > most {
		return fmt.Errorf("%s must be from %v to %v, not %v", name, least, most, value)
	}
	return nil
}

func zeroOrWithin[T int | int32 | time.Duration](name string, value, least, most T) error {
	if value == 0 {
		return nil
	}
	return within(name, value, least, most)
}
