//go:build unix

package redistest

import (
	"context"
	"testing"

	"github.com/venta-hq/venta/gateway/redis"
)

// Open opens a client that is closed with the test.
func Open(t testing.TB, opts redis.Options) *redis.Client {
	t.Helper()
	c, err := redis.Open(context.Background(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Open opens a client of the server with its defaults but for a timeout that a
// busy machine keeps.
func (s *Server) Open(t testing.TB) *redis.Client {
	t.Helper()
	return Open(t, redis.Options{Addresses: []string{s.Addr}, Timeout: longestWait / 10})
}

// Open opens a client of the cluster like [Server.Open].
func (c *Cluster) Open(t testing.TB) *redis.Client {
	t.Helper()
	return Open(t, redis.Options{Addresses: c.Addresses(), Cluster: true, Timeout: longestWait / 10})
}
