// Package upstream opens connections to the services behind the gateway and
// spreads calls over their addresses.
//
//	call -> Group (a breaker for each address) -> balancer -> address -> connection
//
// grpc-go finds the addresses (dns, unix, passthrough, xds), connects to each,
// drops those that cannot be reached and repeats at once, elsewhere, what was
// never sent. This package adds what it lacks: several connections to an
// address, slow start, a name that is looked up again in time, certificates that
// follow their files, and the ejection of an address by the policy of the RPC
// that finds it failing. An ejected address is left out for the RPCs of that
// policy alone, keeps its connections, and comes back by a growing share of calls.
package upstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // checks the health of connections
	"google.golang.org/grpc/keepalive"
)

// Conn is the connections to one upstream. It is a [grpc.ClientConnInterface],
// safe for concurrent use, and closed by [Conn.Shutdown] or [Conn.Close].
type Conn struct {
	*grpc.ClientConn
	hub  *hub
	name string
}

// Name returns the upstream's name, "" where the options have none.
func (c *Conn) Name() string { return c.name }

// New returns connections to target, such as "127.0.0.1:9001", "dns:///orders:9001",
// "unix:///run/orders.sock" or, with package upstream/xds imported,
// "xds:///orders". It connects in the background, with the first call unless
// NeverIdle is set: an upstream that is down is no error here, and calls to it
// fail at once. Proxies of the environment are not used. grpc-go's own retries
// are off; the annotated policy decides.
func New(target string, given Options) (*Conn, error) {
	conn, err := open(target, given)
	if err != nil {
		return nil, fmt.Errorf("upstream %q: %w", target, err)
	}
	return conn, nil
}

// MaxSendBytes is the bound of requests that the options set.
func (c *Conn) MaxSendBytes() int { return c.hub.options.MaxSendBytes }

// The windows of [Dial].
const (
	streamWindow     = 1 << 20
	connectionWindow = 4 << 20
)

// Dial is [New] for services nearby: with default options but for health checks,
// which are off, and windows of a fixed size (1 MiB for a call, 4 MiB for all of
// a connection), as one that follows the link costs a PING for nearly every
// response. It gives nothing of Conn but the connection.
func Dial(target string, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := New(target, Options{
		HealthCheck:           HealthCheck{Disabled: true},
		StreamWindowBytes:     streamWindow,
		ConnectionWindowBytes: connectionWindow,
		DialOptions:           options,
	})
	if err != nil {
		return nil, err
	}
	return conn.ClientConn, nil
}

func open(target string, given Options) (*Conn, error) {
	if target == "" {
		return nil, errors.New("the target is empty")
	}
	options := given.withDefaults()
	if err := options.validate(); err != nil {
		return nil, err
	}
	secured, err := Credentials(options.TLS)
	if err != nil {
		return nil, err
	}
	hub := newHub(target, options)
	secured = countingCredentials{secured, &hub.moved}
	found, err := hub.resolver()
	if err != nil {
		return nil, err
	}
	own := append(options.dialOptions(), grpc.WithTransportCredentials(secured), grpc.WithResolvers(found))
	if !hub.layered {
		own = append(own, grpc.WithDisableServiceConfig()) // a TXT record must not replace the balancer
	}
	client, err := grpc.NewClient(target, append(own, options.DialOptions...)...)
	if err != nil {
		return nil, err
	}
	hub.start()
	if options.NeverIdle {
		client.Connect()
	}
	return &Conn{ClientConn: client, hub: hub, name: options.Name}, nil
}

// Credentials returns the transport credentials of t: those of plain text when it
// is nil.
func Credentials(t *TLS) (credentials.TransportCredentials, error) {
	if t == nil {
		return insecure.NewCredentials(), nil
	}
	return newCredentials(*t)
}

func (o Options) dialOptions() []grpc.DialOption {
	idle := o.IdleTimeout
	if o.NeverIdle {
		idle = 0
	}
	options := []grpc.DialOption{
		grpc.WithDefaultServiceConfig(o.serviceConfig()),
		grpc.WithDisableRetry(),
		grpc.WithNoProxy(),
		grpc.WithIdleTimeout(idle),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: o.BackoffBase, Multiplier: 1.6, Jitter: 0.2, MaxDelay: o.BackoffMax},
			MinConnectTimeout: o.ConnectTimeout,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: o.KeepaliveTime, Timeout: o.KeepaliveTimeout, PermitWithoutStream: o.KeepaliveWhenIdle,
		}),
	}
	if o.MaxReceiveBytes != defaultReceive || o.MaxSendBytes != maxSend {
		// Options of a connection cost each of its calls an allocation.
		options = append(options, grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(o.MaxReceiveBytes), grpc.MaxCallSendMsgSize(o.MaxSendBytes)))
	}
	if o.StreamWindowBytes > 0 {
		options = append(options, grpc.WithStaticStreamWindowSize(o.StreamWindowBytes))
	}
	if o.ConnectionWindowBytes > 0 {
		options = append(options, grpc.WithStaticConnWindowSize(o.ConnectionWindowBytes))
	}
	return options
}

// serviceConfig names the balancer and what health checks ask
// (https://github.com/grpc/grpc/blob/master/doc/service_config.md).
func (o Options) serviceConfig() string {
	config := map[string]any{"loadBalancingConfig": []any{map[string]any{balancerName: struct{}{}}}}
	if !o.HealthCheck.Disabled {
		config["healthCheckConfig"] = map[string]string{"serviceName": o.HealthCheck.Service}
	}
	text, err := json.Marshal(config)
	if err != nil {
		panic(fmt.Sprintf("upstream: strings that are no JSON: %v", err)) // they always are
	}
	return string(text)
}

// resolveGap is the least time between two lookups of a name.
const resolveGap = 5 * time.Second
