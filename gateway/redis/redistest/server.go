//go:build unix

// Package redistest runs real Redis servers for tests: single ones and clusters,
// on free loopback ports, that can be paused, resumed and killed. It needs
// redis-server (7.0 or later) on the PATH and fails the test without it. All
// servers end with the test that started them.
package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const longestWait = 30 * time.Second

// Server is a running redis-server. Its methods are for the test's own goroutine.
type Server struct {
	// Addr is host:port.
	Addr string

	t     testing.TB
	cmd   *exec.Cmd
	lines *log
	ended chan struct{}
}

// Start runs a server with further arguments, such as "--requirepass", "secret",
// and returns once it accepts connections. Nothing is kept on disk.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return startAt(t, freePort(t), args...)
}

func startAt(t testing.TB, port int, args ...string) *Server {
	t.Helper()
	common := []string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--protected-mode", "no",
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", t.TempDir(),
	}
	return launch(t, port, "Ready to accept connections", append(common, args...))
}

// launch starts the program and waits until it says that it is ready.
func launch(t testing.TB, port int, ready string, args []string) *Server {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatalf("redistest: this test needs a real Redis: install redis-server 7.0 or later (Debian: apt-get install redis-server): %v", err)
	}
	s := &Server{
		Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), t: t,
		cmd: exec.Command(binary, args...), lines: newLog(), ended: make(chan struct{}), //nolint:gosec // redis-server, for tests
	}
	s.cmd.SysProcAttr = dieWithParent()
	output, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("redistest: %v", err)
	}
	go s.follow(output)
	t.Cleanup(s.Kill)
	s.waitFor(ready)
	return s
}

// follow reads what the server writes until it ends, and ends with it.
func (s *Server) follow(output io.Reader) {
	scanner := bufio.NewScanner(output)
	for scanner.Scan() {
		s.lines.add(scanner.Text())
	}
	_ = s.cmd.Wait() // killed servers end with an error
	s.lines.close()
	close(s.ended)
}

func (s *Server) waitFor(text string) {
	s.t.Helper()
	if !s.lines.wait(text, longestWait) {
		s.t.Fatalf("redistest: %s did not say %q but:\n%s", s.Addr, text, s.lines)
	}
}

// Pause stops the process as it is (SIGSTOP): connections stay open and nothing
// gets a reply.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

// Kill ends the server at once and waits for its end. Killing again has no effect.
func (s *Server) Kill() {
	select {
	case <-s.ended:
		return
	default:
	}
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // it may have ended meanwhile
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// Restart ends the server and starts an empty one at the same address.
func (s *Server) Restart(args ...string) *Server {
	s.t.Helper()
	s.Kill()
	return startAt(s.t, s.port(), args...)
}

// awaitMaster returns once the server follows its master.
func (s *Server) awaitMaster() {
	s.t.Helper()
	Eventually(s.t, func() bool { return strings.Contains(s.Do("INFO", "replication"), "master_link_status:up") })
}

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatalf("redistest: %s: %v", s.Addr, err)
	}
}

func (s *Server) port() int {
	_, text, _ := net.SplitHostPort(s.Addr)
	port, _ := strconv.Atoi(text)
	return port
}

// Do runs one command and returns the server's reply in wire form, such as
// "+OK" or "$5\r\nhello". A server's error fails the test.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	reply, err := roundTrip(s.Addr, args)
	if err != nil || strings.HasPrefix(reply, "-") {
		s.t.Fatalf("redistest: %s: %v: %s %v", s.Addr, args, reply, err)
	}
	return reply
}

func roundTrip(addr string, args []string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, longestWait)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(longestWait)); err != nil {
		return "", err
	}
	var command bytes.Buffer
	fmt.Fprintf(&command, "*%d\r\n", len(args))
	for _, arg := range args {
		fmt.Fprintf(&command, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := conn.Write(command.Bytes()); err != nil {
		return "", err
	}
	return readReply(bufio.NewReader(conn))
}

// readReply reads a simple reply or a bulk string.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	length, isBulk := strings.CutPrefix(line, "$")
	if !isBulk {
		return line, nil
	}
	size, err := strconv.Atoi(length)
	if err != nil || size < 0 {
		return line, err
	}
	body := make([]byte, size)
	_, err = io.ReadFull(r, body)
	return line + "\r\n" + string(body), err
}

// freePort returns a port that nobody listens at now.
func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}
