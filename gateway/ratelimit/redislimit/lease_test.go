package redislimit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit/redislimit"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// TestLeasesShareALimit: with leases of n, four gateways never admit more than
// the limit, leave at most n-1 units each, and ask the store about 1/n times.
func TestLeasesShareALimit(t *testing.T) {
	const burst, lease, gateways, workers = 1000, 20, 4, 4
	server := redistest.Start(t)
	c := server.Open(t)
	limit := sharedBy("x", policy.KeyHeader, 1, burst, 24*time.Hour)
	limit.Lease = lease
	var admitted atomic.Int64
	var all sync.WaitGroup
	for range gateways {
		g := newGateway(t, redislimit.New(c), limit)
		for range workers {
			all.Go(func() { admitted.Add(int64(g.admit("k", burst/workers))) })
		}
	}
	all.Wait()
	if got := admitted.Load(); got > burst || got < burst-gateways*(lease-1) {
		t.Errorf("%d admitted, want %d to %d", got, burst-gateways*(lease-1), burst)
	}
	asked := c.Stats().Calls
	t.Logf("%d admitted in %d round trips", admitted.Load(), asked)
	if asked >= burst {
		t.Errorf("%d round trips for %d requests", asked, burst)
	}
}
