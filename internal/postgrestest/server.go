//go:build linux

// Package postgrestest runs real PostgreSQL servers for tests: clusters of their
// own, on free loopback ports, that can be stopped and started. It needs PostgreSQL
// (14 or later), also where Debian has it, which is not in the PATH, and fails the
// test without it.
package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	longestWait = 60 * time.Second

	// Password is that of the user "venta", who owns every database.
	Password = "not-to-be-seen"
)

// Server is a cluster. Its methods are for one goroutine at a time.
type Server struct {
	// Addr is host:port.
	Addr string

	dir     string
	bin     string
	process *process
	output  *bytes.Buffer
}

// process is a running postmaster. It ends with this process, however that ends: a
// shell waits for the end of its input.
type process struct {
	cmd   *exec.Cmd
	input interface{ Close() error }
	ended chan struct{}
}

const (
	watched  = `exec 3<&0; "$0" "$@" <&- & server=$!; (read -r _ <&3; kill -QUIT $server) 2>&- & wait $server`
	settings = `
fsync = off
max_connections = 60
shared_buffers = 16MB
`
)

// Start makes a cluster and starts it; it ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatalf("postgrestest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Errorf("postgrestest: %v", err)
		}
	})
	return s
}

func start() (*Server, error) {
	bin, err := find()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	// Not in a folder of the test: another user must reach it.
	dir, err := os.MkdirTemp("", "postgrestest-")
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), dir: dir, bin: bin}
	if err := s.make(port); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := s.Up(); err != nil {
		_ = s.remove()
		return nil, err
	}
	return s, nil
}

// make makes the files of the cluster.
func (s *Server) make(port int) error {
	if err := own(s.dir); err != nil {
		return err
	}
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(Password), 0o600); err != nil {
		return err
	}
	if err := own(secret); err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(s.bin, "initdb"), //nolint:gosec // for tests
		"-D", s.data(), "-U", "venta", "--no-sync", "--auth=scram-sha-256", "--pwfile="+secret, "--encoding=UTF8", "--locale=C.UTF-8")
	initdb.SysProcAttr = asUser()
	initdb.Dir = s.dir
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output)
	}
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%sport = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n", settings, port, s.dir)
	return errors.Join(err, file.Close())
}

// Up starts a server that is down, and returns once it takes connections.
func (s *Server) Up() error {
	s.output = &bytes.Buffer{}
	cmd := exec.Command("sh", "-c", watched, filepath.Join(s.bin, "postgres"), "-D", s.data()) //nolint:gosec // for tests
	cmd.SysProcAttr = asUser()
	cmd.Dir = s.dir
	cmd.Stdout, cmd.Stderr = s.output, s.output
	cmd.WaitDelay = time.Second
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	p := &process{cmd, input, make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	s.process = p
	return s.await()
}

func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), longestWait)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.process.ended:
			return fmt.Errorf("the server ended:\n%s", s.output)
		case <-ctx.Done():
			return fmt.Errorf("%s takes no connections: %w", s.Addr, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Down stops the server at once, as a crash does, and waits for its end.
func (s *Server) Down() {
	if s.process == nil {
		return
	}
	_ = s.process.input.Close()
	<-s.process.ended
	s.process = nil
}

// Pause stops the processes of the server as they are: connections stay open and
// nothing gets a reply. Resume has them go on.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume ends a pause.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

// signal sends a signal to the postmaster and its children.
func (s *Server) signal(signal syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
	if err != nil {
		return err
	}
	for _, name := range append(strings.Fields(string(children)), first) {
		pid, err := strconv.Atoi(name)
		if err != nil {
			return err
		}
		_ = syscall.Kill(pid, signal) // it may have ended
	}
	return nil
}

func (s *Server) remove() error {
	s.Down()
	return os.RemoveAll(s.dir)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// URL is that of a database, with the password.
func (s *Server) URL(database string) string {
	return "postgres://venta:" + Password + "@" + s.Addr + "/" + database
}

// Do runs statements in a database, each by itself.
func (s *Server) Do(t testing.TB, database string, statements ...string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// find returns the folder of PostgreSQL's programs.
func find() (string, error) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("this test needs a real PostgreSQL, 14 or later (Debian: apt-get install postgresql): %w", exec.ErrNotFound)
	}
	return filepath.Dir(slices.Max(found)), nil
}

// asUser runs a program as somebody else where this process is root, which
// PostgreSQL refuses.
func asUser() *syscall.SysProcAttr {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid := other()
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
}

func own(path string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid := other()
	return os.Chown(path, int(uid), int(gid))
}

// other is the distribution's user for PostgreSQL, or nobody.
func other() (uid, gid uint32) {
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		u, err1 := strconv.ParseUint(found.Uid, 10, 32)
		g, err2 := strconv.ParseUint(found.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return uint32(u), uint32(g)
		}
	}
	return 65534, 65534
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}
