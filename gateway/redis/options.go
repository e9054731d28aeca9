package redis

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"net"
	"time"
)

// The defaults of [Options].
const (
	DefaultTimeout       = 25 * time.Millisecond
	DefaultRequestBudget = 25 * time.Millisecond
	DefaultDialTimeout   = time.Second
	DefaultProbeInterval = 200 * time.Millisecond
	DefaultMaxInFlight   = 512
	DefaultKeyPrefix     = "venta:"
)

// The bounds of [Options].
const (
	mostConnections = 256
	mostInFlight    = 8192
	longestPrefix   = 64
	mostDB          = 1 << 16
)

// Options says where Redis is and how long anybody may wait for it. It prints
// and logs without its passwords.
type Options struct {
	// Addresses are host:port of the server; with Sentinel of the sentinels,
	// with Cluster of some of the nodes. Required; one without Sentinel and Cluster.
	Addresses []string
	// Sentinel is the name of the master that the sentinels at Addresses watch.
	// Default "": no sentinels.
	Sentinel string
	// Cluster says that the servers at Addresses are a Redis Cluster.
	Cluster bool
	// Username and Password authenticate (ACL). Without Username the password is
	// the default user's. Default: none. [Client.SetCredentials] changes them.
	Username, Password string
	// SentinelUsername and SentinelPassword authenticate at the sentinels.
	SentinelUsername, SentinelPassword string
	// TLS is used for all connections if set.
	TLS *tls.Config
	// DB is the number of the database; 0 in a cluster.
	DB int
	// KeyPrefix begins every key that this project writes. Default
	// [DefaultKeyPrefix]; 64 bytes at most, no braces.
	KeyPrefix string

	// Timeout is the longest that one call waits. Default [DefaultTimeout]; from
	// 1ms to 10s.
	Timeout time.Duration
	// RequestBudget is the longest that one request waits for Redis in all, for as many
	// calls as it makes one after the other. Calls that are beyond it fail as if Redis
	// were away. Purges have a bound of their own, and what no client waits for has
	// none. Default [DefaultRequestBudget], or Timeout where that is longer; from
	// Timeout to 1m.
	RequestBudget time.Duration
	// DialTimeout is the longest that making a connection takes, TLS and
	// authentication included. No call waits for it longer than Timeout. Default
	// [DefaultDialTimeout]; from Timeout to 1m.
	DialTimeout time.Duration
	// ProbeInterval is the time between two looks at a node that failed. Default
	// [DefaultProbeInterval]; from 1ms to 1m.
	ProbeInterval time.Duration
	// MaxInFlight is the most calls that a node owes a reply, those that
	// nobody waits for any more included. Further calls wait for a place, within
	// Timeout. Default [DefaultMaxInFlight]; at most 8192.
	MaxInFlight int
	// Connections is how many connections a node's calls are pipelined over: a
	// power of two, at most 256. Default: the client library's choice, 1 in a
	// cluster and up to 4 elsewhere.
	Connections int
	// Required makes Open fail where the server is out of reach. By default the
	// client starts without it and finds it later: a gateway that restarts while
	// Redis is away should serve what it can. A server that is there and refuses
	// (wrong password, no such database, no cluster) always fails Open.
	Required bool
	// OnChange, if set, is told when a node is given up, when it is found well
	// again, and once when a node that was given up is there and refuses, for
	// instance the password. It is called one at a time and must not block.
	OnChange func(Change)
}

// Change is a node given up or found well again.
type Change struct {
	// Node is the address of a cluster's node, and else empty.
	Node string
	// Available is the new state.
	Available bool
	// Err is the last failure of a node that was given up, or its refusal.
	Err error
}

// String describes the options without their passwords.
func (o Options) String() string {
	return fmt.Sprintf("redis %v sentinel=%q cluster=%v user=%q db=%d tls=%v", o.Addresses, o.Sentinel, o.Cluster, o.Username, o.DB, o.TLS != nil)
}

// GoString is String.
func (o Options) GoString() string { return o.String() }

// LogValue is String.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

func (o Options) withDefaults() Options {
	o.KeyPrefix = cmp.Or(o.KeyPrefix, DefaultKeyPrefix)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.RequestBudget = cmp.Or(o.RequestBudget, max(DefaultRequestBudget, o.Timeout))
	o.DialTimeout = cmp.Or(o.DialTimeout, max(DefaultDialTimeout, o.Timeout))
	o.ProbeInterval = cmp.Or(o.ProbeInterval, DefaultProbeInterval)
	o.MaxInFlight = cmp.Or(o.MaxInFlight, DefaultMaxInFlight)
	return o
}

// Validate returns every fault at once, as Open does.
func (o Options) Validate() error {
	if err := o.withDefaults().validate(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// validate returns every fault at once.
func (o Options) validate() error {
	return errors.Join(
		o.validAddresses(),
		o.validMode(),
		o.credentials().validate(o.Sentinel != ""),
		o.validPrefix(),
		within("timeout", o.Timeout, time.Millisecond, 10*time.Second),
		within("request budget", o.RequestBudget, o.Timeout, time.Minute),
		within("dial timeout", o.DialTimeout, o.Timeout, time.Minute),
		within("probe interval", o.ProbeInterval, time.Millisecond, time.Minute),
		within("calls in flight", o.MaxInFlight, 1, mostInFlight),
		within("connections", o.Connections, 0, mostConnections),
		powerOfTwo(o.Connections),
	)
}

func (o Options) validAddresses() error {
	var errs []error
	if len(o.Addresses) == 0 {
		errs = append(errs, errors.New("no address"))
	}
	if len(o.Addresses) > 1 && o.Sentinel == "" && !o.Cluster {
		errs = append(errs, fmt.Errorf("%d addresses without sentinel or cluster", len(o.Addresses)))
	}
	for _, address := range o.Addresses {
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			errs = append(errs, fmt.Errorf("address %q is not host:port", address))
		}
	}
	return errors.Join(errs...)
}

func (o Options) validMode() error {
	switch {
	case o.Cluster && o.Sentinel != "":
		return errors.New("sentinel and cluster exclude each other")
	case o.Cluster && o.DB != 0:
		return errors.New("a cluster has database 0 alone")
	default:
		return within("db", o.DB, 0, mostDB)
	}
}

func (o Options) validPrefix() error {
	if len(o.KeyPrefix) > longestPrefix {
		return fmt.Errorf("a key prefix of %d bytes, want at most %d", len(o.KeyPrefix), longestPrefix)
	}
	for _, c := range []byte(o.KeyPrefix) {
		if c <= ' ' || c > '~' || c == '{' || c == '}' {
			return fmt.Errorf("key prefix %q: want printable characters without spaces and braces", o.KeyPrefix)
		}
	}
	return nil
}

func powerOfTwo(connections int) error {
	if connections > 0 && bits.OnesCount(uint(connections)) != 1 {
		return fmt.Errorf("%d connections, want a power of two", connections)
	}
	return nil
}

func within[T int | time.Duration](what string, v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("%s is %v, want %v to %v", what, v, low, high)
	}
	return nil
}
