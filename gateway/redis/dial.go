package redis

import (
	"errors"
	"fmt"
	"math/bits"
	"net"
	"time"

	"github.com/redis/rueidis"
)

const (
	keepAlive       = time.Second      // between pings of an idle connection
	refreshInterval = 10 * time.Second // of the library's view of masters and slots
	bufferBytes     = 64 << 10
	mostRedirects   = 3
	spareSlots      = 64 // of a connection's ring, for probes
	smallestRing    = 8
)

// dial connects. It returns a fault where the server is there and refuses.
func (c *Client) dial() (rueidis.Client, error) {
	r, err := rueidis.NewClient(c.clientOption())
	if err != nil {
		if r != nil {
			r.Close()
		}
		return nil, err
	}
	if c.opts.Cluster && r.Mode() != rueidis.ClientModeCluster {
		r.Close()
		return nil, &fault{errors.New("the server is not a cluster's node")}
	}
	return r, nil
}

// clientOption is what the library needs to fail early and to do nothing twice.
//
// AlwaysPipelining lets calls that nobody waits for any more keep their
// connection: otherwise each would break it. DisableRetry, because a failed
// write may have been done. ConnWriteTimeout closes a connection whose peer
// went silent, together with the pings.
func (c *Client) clientOption() rueidis.ClientOption {
	o := c.opts
	dialer := net.Dialer{Timeout: o.DialTimeout, KeepAlive: keepAlive}
	return rueidis.ClientOption{
		InitAddress:         o.Addresses,
		AuthCredentialsFn:   c.authenticate,
		DialCtxFn:           c.connectTo,
		ClientName:          "venta",
		TLSConfig:           o.TLS,
		Dialer:              dialer,
		SelectDB:            o.DB,
		ForceSingleClient:   !o.Cluster && o.Sentinel == "",
		DisableCache:        true,
		DisableRetry:        true,
		AlwaysPipelining:    true,
		ConnWriteTimeout:    max(keepAlive, o.Timeout),
		RingScaleEachConn:   max(smallestRing, bits.Len(uint(o.MaxInFlight+spareSlots))),
		ReadBufferEachConn:  bufferBytes,
		WriteBufferEachConn: bufferBytes,
		PipelineMultiplex:   multiplex(o.Connections),
		Sentinel: rueidis.SentinelOption{
			Dialer: sentinelDialer(dialer), TLSConfig: o.TLS, MasterSet: o.Sentinel, ClientName: "venta",
			TopologyRefreshInterval: refreshInterval,
		},
		ClusterOption: rueidis.ClusterOption{
			ShardsRefreshInterval: refreshInterval,
			MaxMovedRedirections:  mostRedirects,
		},
	}
}

// multiplex is the library's exponent; it takes 0 for its own choice.
func multiplex(connections int) int {
	switch connections {
	case 0:
		return 0
	case 1:
		return -1
	default:
		return bits.TrailingZeros(uint(connections))
	}
}

// unreachable and refused word the two ways to fail at start.
func unreachable(o Options, err error) error {
	return fmt.Errorf("redis: %v is out of reach: %w", o.Addresses, err)
}

func refused(o Options, err error) error {
	return fmt.Errorf("redis: %v refuses: %w", o.Addresses, err)
}
