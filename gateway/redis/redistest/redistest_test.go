//go:build unix

package redistest_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/redis/redistest"
)

func TestMain(m *testing.M) { redistest.VerifyTestMain(m) }

func TestServer(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--maxmemory", "64mb")
	s.Do("SET", "k", "two\r\nlines")
	if got := s.Do("GET", "k"); got != "$10\r\ntwo\r\nlines" {
		t.Errorf("GET = %q", got)
	}
	if got := s.Do("GET", "none"); got != "$-1" {
		t.Errorf("GET of none = %q", got)
	}
	s = s.Restart()
	if got := s.Do("EXISTS", "k"); got != ":0" {
		t.Errorf("EXISTS after a restart = %q", got)
	}
	s.Kill()
	s.Kill()
	if conn, err := net.Dial("tcp", s.Addr); err == nil {
		conn.Close()
		t.Error("a killed server listens")
	}
}

func TestPause(t *testing.T) {
	s := redistest.Start(t)
	s.Pause()
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, 16)
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(reply); err == nil {
		t.Errorf("a paused server says %q", reply[:n])
	}
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	s.Resume()
	if n, err := conn.Read(reply); err != nil || string(reply[:n]) != "+PONG\r\n" {
		t.Errorf("a resumed server says %q, %v", reply[:n], err)
	}
}

func TestPausedServersEndWithTheirTest(t *testing.T) {
	var addr string
	t.Run("inner", func(t *testing.T) {
		s := redistest.Start(t)
		addr = s.Addr
		s.Pause()
	})
	if conn, err := net.Dial("tcp", addr); err == nil {
		conn.Close()
		t.Error("the server outlives its test")
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 1)
	if len(c.Masters) != 3 || len(c.Replicas[2]) != 1 || len(c.Addresses()) != 6 {
		t.Fatalf("masters %d, replicas %v", len(c.Masters), c.Replicas)
	}
	for slot, want := range map[uint16]*redistest.Server{0: c.Masters[0], 5460: c.Masters[0], 5461: c.Masters[1], 16383: c.Masters[2]} {
		if got := c.Master(slot); got != want {
			t.Errorf("slot %d is at %s, want %s", slot, got.Addr, want.Addr)
		}
	}
	c.Master(12182).Do("SET", "foo", "bar") // another node would say MOVED
	for _, replica := range c.Replicas {
		if got := replica[0].Do("INFO", "replication"); !strings.Contains(got, "role:slave") {
			t.Errorf("a replica says %q", got)
		}
	}
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	s := redistest.StartSentinel(t, master, "shop", "")
	if got := s.Do("SENTINEL", "CKQUORUM", "shop"); !strings.HasPrefix(got, "+OK") {
		t.Errorf("CKQUORUM = %q", got)
	}
}
