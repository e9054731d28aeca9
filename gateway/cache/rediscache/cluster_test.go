package rediscache_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// hastyCluster is hasty for a cluster.
func hastyCluster(c *redistest.Cluster) func(testing.TB) *redis.Client {
	return func(t testing.TB) *redis.Client {
		return redistest.Open(t, redis.Options{Addresses: c.Addresses(), Cluster: true, Timeout: 50 * time.Millisecond})
	}
}

const clusterValues = 30

// checkReadYourWrites writes each value through one process and reads it through
// the others.
func checkReadYourWrites(t *testing.T, p []*process) (remoteHits int) {
	t.Helper()
	for i := range clusterValues {
		target := fmt.Sprint("/", i)
		written := number(put(p[i%len(p)].writes, target))
		for j := range p {
			w := get(p[(i+j)%len(p)].reads, target)
			if w.Code != http.StatusOK || number(w) < written {
				t.Errorf("process %d reads %d %q after %d: %q", (i+j)%len(p), w.Code, w.Body, written, status(w))
			}
			if isRemoteHit(w) {
				remoteHits++
			}
		}
	}
	return remoteHits
}

// deciding is the slot of the epoch, the tags and the channels.
func deciding() uint16 { return redis.Slot("{" + redis.DefaultKeyPrefix + "cache}") }

// TestClusterLosesEntries kills a node that has nothing but entries.
func TestClusterLosesEntries(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	p := startAll(t, hastyCluster(cluster), 3, new(backend), strictAcks)
	before := checkReadYourWrites(t, p)
	for _, master := range cluster.Masters {
		if master != cluster.Master(deciding()) {
			master.Kill()
			break
		}
	}
	after := checkReadYourWrites(t, p)
	if before == 0 || after == 0 {
		t.Errorf("%d and %d hits of level 2", before, after)
	}
	for i := range p {
		p[i].awaitTrust(t)
		if p[i].events.of(rediscache.EventLost) > 0 || p[i].events.of(rediscache.EventPending) > 0 {
			t.Errorf("process %d: %s", i, p[i].events)
		}
	}
}

// TestClusterFailover kills the node that decides; its replica takes over.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 1)
	p := startAll(t, hastyCluster(cluster), 2, new(backend), strictAcks)
	checkReadYourWrites(t, p)
	renewed := p[0].events.of(rediscache.EventRenewed) + p[1].events.of(rediscache.EventRenewed)
	cluster.Master(deciding()).Kill()
	awaitDistrust(t, p...)
	checkReadYourWrites(t, p)
	awaitTrust(t, p...)
	if hits := checkReadYourWrites(t, p); hits == 0 {
		t.Error("no hits of level 2")
	}
	if p[0].events.of(rediscache.EventRenewed)+p[1].events.of(rediscache.EventRenewed) == renewed {
		t.Errorf("events %s and %s", p[0].events, p[1].events)
	}
}

// TestClusterMovesTheSlot gives the deciding slot's node another role: its
// replica becomes the master while all connections stay.
func TestClusterMovesTheSlot(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 1)
	p := startAll(t, hastyCluster(cluster), 2, new(backend), strictAcks)
	checkReadYourWrites(t, p)
	for i, master := range cluster.Masters {
		if master == cluster.Master(deciding()) {
			cluster.Replicas[i][0].Do("CLUSTER", "FAILOVER")
		}
	}
	awaitDistrust(t, p...)
	awaitTrust(t, p...)
	if hits := checkReadYourWrites(t, p); hits == 0 {
		t.Error("no hits of level 2")
	}
}
