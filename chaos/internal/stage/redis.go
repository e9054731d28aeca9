package stage

import (
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/venta-hq/venta/chaos/internal/faultproxy"
	"github.com/venta-hq/venta/chaos/internal/process"
)

var (
	redisReady    = regexp.MustCompile(`Ready to accept connections`)
	sentinelReady = regexp.MustCompile(`\+monitor master`)
)

// Redis is a Redis server, or a sentinel.
type Redis struct {
	Address string
	port    string
	process *process.Process
}

// Redis starts a server that keeps nothing on disk.
func (s *Stage) Redis(ctx context.Context) (*Redis, error) {
	return s.redis(ctx, redisReady, func(port string) ([]string, error) {
		return []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir}, nil
	})
}

// Replica starts a server that follows another, and returns once it has its data.
func (s *Stage) Replica(ctx context.Context, of *Redis) (*Redis, error) {
	r, err := s.Redis(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := r.Do("REPLICAOF 127.0.0.1 " + of.port); err != nil {
		return nil, err
	}
	return r, r.await(ctx, "INFO replication", "master_link_status:up")
}

// Sentinel starts a sentinel that watches a master with a replica, under a name.
func (s *Stage) Sentinel(ctx context.Context, master *Redis, name string) (*Redis, error) {
	sentinel, err := s.redis(ctx, sentinelReady, func(port string) ([]string, error) {
		file := s.file("sentinel-" + port + ".conf") // rewritten by the sentinel
		config := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %s 1\n", port, s.dir, name, master.port)
		return []string{file, "--sentinel"}, os.WriteFile(file, []byte(config), 0o600)
	})
	if err != nil {
		return nil, err
	}
	return sentinel, sentinel.await(ctx, "INFO sentinel", "slaves=1")
}

func (s *Stage) redis(ctx context.Context, ready *regexp.Regexp, args func(port string) ([]string, error)) (*Redis, error) {
	address, err := faultproxy.FreeAddress()
	if err != nil {
		return nil, err
	}
	r := &Redis{Address: address}
	if _, r.port, err = net.SplitHostPort(address); err != nil {
		return nil, err
	}
	given, err := args(r.port)
	if err != nil {
		return nil, err
	}
	if r.process, err = process.Start(ctx, ready, "redis-server", given...); err != nil {
		return nil, fmt.Errorf("a Redis server (7.0 or later) is needed: %w", err)
	}
	s.onClose(r.process.Kill)
	return r, nil
}

// Between puts a fault proxy before the server.
func (s *Stage) Between(r *Redis) (*faultproxy.Proxy, error) {
	p, err := faultproxy.New("127.0.0.1:0", r.Address)
	if err != nil {
		return nil, err
	}
	s.onClose(func() { _ = p.Close() })
	return p, nil
}

// await waits until a command's reply has a text.
func (r *Redis) await(ctx context.Context, command, text string) error {
	return Eventually(ctx, 30*time.Second, command+" says "+text, func() (bool, error) {
		reply, err := r.Do(command)
		return strings.Contains(reply, text), err
	})
}

// mostReply is more than any reply that is looked at.
const mostReply = 64 << 10

// Do runs an inline command and returns what comes of the reply first, which on
// loopback is all of it.
func (r *Redis) Do(command string) (string, error) {
	conn, err := net.DialTimeout("tcp", r.Address, time.Second)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	reply := make([]byte, mostReply)
	n, err := conn.Read(reply)
	if err == nil && reply[0] == '-' {
		err = fmt.Errorf("%s: %s", command, reply[:n])
	}
	return string(reply[:n]), err
}
