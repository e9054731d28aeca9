//go:build unix

package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// StartSentinel runs a sentinel that watches a master alone, under a name, and
// takes it for gone after 500 ms. With a password it asks its clients for it.
func StartSentinel(t testing.TB, master *Server, name, password string) *Server {
	t.Helper()
	port := freePort(t)
	config := fmt.Sprintf(`port %d
bind 127.0.0.1
dir %s
sentinel monitor %s 127.0.0.1 %d 1
sentinel down-after-milliseconds %s 500
sentinel failover-timeout %s 3000
`, port, t.TempDir(), name, master.port(), name, name)
	if password != "" {
		config += "requirepass " + password + "\n"
	}
	path := filepath.Join(t.TempDir(), "sentinel.conf") // rewritten by the sentinel
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return launch(t, port, "+monitor master", []string{path, "--sentinel"})
}

// StartReplica runs a replica of a server and returns once it has its data.
func StartReplica(t testing.TB, of *Server) *Server {
	t.Helper()
	replica := Start(t)
	replica.Do("REPLICAOF", "127.0.0.1", strconv.Itoa(of.port()))
	replica.awaitMaster()
	return replica
}

// IsReplica reports whether the server says that it is one. A server that changes its
// role ends its connections: one that cannot be asked is none yet.
func (s *Server) IsReplica() bool {
	reply, err := roundTrip(s.Addr, []string{"INFO", "replication"})
	return err == nil && strings.Contains(reply, "role:slave")
}
