package rediscache_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// TestPlannedFailover has a sentinel make the replica the master while both are
// well and clients read and write through two processes. For a while two servers
// take themselves for the master. Nobody reads what is older than a write that was
// answered a bound before, through whichever process.
func TestPlannedFailover(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	sentinel := redistest.StartSentinel(t, master, "shop", "")
	redistest.Eventually(t, func() bool { return strings.Contains(sentinel.Do("INFO", "sentinel"), "slaves=1") })
	p := startAll(t, func(t testing.TB) *redis.Client {
		return redistest.Open(t, redis.Options{Addresses: []string{sentinel.Addr}, Sentinel: "shop", Timeout: 50 * time.Millisecond})
	}, 2, new(backend), impatient)
	var written history
	var ended atomic.Bool
	var load sync.WaitGroup
	for i := range 4 {
		target := fmt.Sprint("/", i)
		load.Go(func() {
			for n := 0; !ended.Load(); n++ {
				if n%20 == 0 {
					written.add(target, number(put(p[n/20%2].writes, target)))
				}
				begun := time.Now()
				if got, least := number(get(p[n%2].reads, target)), written.before(target, begun.Add(-bound)); got < least {
					t.Errorf("process %d reads %d, and %d was answered a bound before", n%2, got, least)
				}
				<-time.After(5 * time.Millisecond)
			}
		})
	}
	sentinel.Do("SENTINEL", "FAILOVER", "shop")
	redistest.Eventually(t, func() bool {
		return !strings.Contains(sentinel.Do("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop"), master.Addr) &&
			master.IsReplica()
	})
	for end := time.Now().Add(2 * bound); time.Now().Before(end); {
		<-time.After(10 * time.Millisecond)
	}
	ended.Store(true)
	load.Wait()
	awaitTrust(t, p...)
	redistest.Eventually(t, func() bool { return isRemoteHit(get(p[0].reads, "/x")) || isHit(get(p[0].reads, "/x")) })
}
