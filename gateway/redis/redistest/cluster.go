//go:build unix

package redistest

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

const slots = 16384

// Cluster is a running Redis Cluster.
type Cluster struct {
	// Masters own the slots in equal parts, in their order.
	Masters []*Server
	// Replicas has those of each master.
	Replicas [][]*Server
}

// StartCluster runs a cluster, which takes some seconds, and returns once every
// node calls it well. Slots stay served while others are not
// (cluster-require-full-coverage no); a replica takes over within about 2 s.
func StartCluster(t testing.TB, masters, replicas int) *Cluster {
	t.Helper()
	c := &Cluster{Replicas: make([][]*Server, masters)}
	for range masters {
		c.Masters = append(c.Masters, startNode(t))
	}
	for i, master := range c.Masters {
		master.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		first, next := i*slots/masters, (i+1)*slots/masters
		master.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(next-1))
		for range replicas {
			c.Replicas[i] = append(c.Replicas[i], startNode(t))
		}
	}
	c.meet()
	c.replicate(t)
	for _, node := range c.nodes() {
		node.waitFor("Cluster state changed: ok")
		node.Do("CONFIG", "SET", "cluster-require-full-coverage", "no")
	}
	return c
}

func startNode(t testing.TB) *Server {
	t.Helper()
	return Start(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)),
		"--cluster-node-timeout", "1000", "--cluster-config-file", "nodes.conf", "--repl-diskless-sync-delay", "0")
}

// Addresses returns those of all nodes.
func (c *Cluster) Addresses() []string {
	var all []string
	for _, node := range c.nodes() {
		all = append(all, node.Addr)
	}
	return all
}

// Master returns the master that a slot was given to at the start.
func (c *Cluster) Master(slot uint16) *Server {
	for i, master := range c.Masters {
		if int(slot) < (i+1)*slots/len(c.Masters) {
			return master
		}
	}
	panic("redistest: no such slot")
}

func (c *Cluster) nodes() []*Server {
	all := append([]*Server(nil), c.Masters...)
	for _, replicas := range c.Replicas {
		all = append(all, replicas...)
	}
	return all
}

// meet introduces every node to the first.
func (c *Cluster) meet() {
	nodes := c.nodes()
	for _, node := range nodes[1:] {
		bus := strings.TrimPrefix(field(node.Do("CLUSTER", "NODES"), 1), "127.0.0.1:")
		if _, port, ok := strings.Cut(bus, "@"); ok {
			nodes[0].Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(node.port()), strings.Split(port, ",")[0])
		}
	}
}

// replicate makes replicas once they have heard of their masters.
func (c *Cluster) replicate(t testing.TB) {
	t.Helper()
	for i, replicas := range c.Replicas {
		id := bulk(c.Masters[i].Do("CLUSTER", "MYID"))
		for _, replica := range replicas {
			Eventually(t, func() bool { return strings.Contains(replica.Do("CLUSTER", "NODES"), id) })
			replica.Do("CLUSTER", "REPLICATE", id)
			replica.awaitMaster()
		}
	}
}

// bulk returns the text of a bulk string in wire form.
func bulk(reply string) string {
	_, text, _ := strings.Cut(reply, "\r\n")
	return text
}

// field returns a word of a bulk string's first line.
func field(reply string, n int) string {
	return strings.Fields(bulk(reply))[n]
}

// Eventually fails the test unless a condition comes true within half a minute.
// It looks every few milliseconds.
func Eventually(t testing.TB, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(longestWait)
	defer deadline.Stop()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatal("redistest: a condition did not come true in time")
		}
	}
}
