package main_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the built command, as a user runs it.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "venta")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "venta")
	if out, err := exec.Command("go", "build", "-race", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the binary: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running venta command.
type process struct {
	cmd    *exec.Cmd
	stdout *lines
	stderr *lines
	exited chan struct{}
}

// waitLimit bounds every wait; nothing waits that long unless it fails.
const waitLimit = 60 * time.Second

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), stdout: newLines(), stderr: newLines(), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	if args[0] == "serve" {
		p.cmd.Env = append(os.Environ(), "VENTA_SHUTDOWN_DELAY=0s") // no test waits for a balancer
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit code is in ProcessState
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("venta %s\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), p.stdout, p.stderr)
		}
		if strings.Contains(p.stderr.String(), "WARNING: DATA RACE") {
			t.Errorf("venta %s: data race:\n%s", strings.Join(args, " "), p.stderr)
		}
	})
	return p
}

// stop tells the process to end and returns its exit code.
func (p *process) stop(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.wait(t)
}

func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(waitLimit):
		t.Fatalf("still running; stderr:\n%s", p.stderr)
		return -1
	}
}

// address waits for a line of standard output that matches and returns its
// first group.
func (p *process) address(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	found, ok := p.stdout.find(re, p.exited)
	if !ok {
		t.Fatalf("no line %q; stdout:\n%s\nstderr:\n%s", pattern, p.stdout, p.stderr)
	}
	return found
}

// lines collects what a process prints.
type lines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{}, 1)} }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) find(re *regexp.Regexp, exited <-chan struct{}) (string, bool) {
	timeout := time.After(waitLimit)
	for {
		scanner := bufio.NewScanner(strings.NewReader(l.String()))
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			if m := re.FindStringSubmatch(scanner.Text()); m != nil {
				return m[1], true
			}
		}
		select {
		case <-l.changed:
		case <-exited:
			return "", false
		case <-timeout:
			return "", false
		}
	}
}

// client calls the gateway from an address of its own, so that tests do not
// share limits that count by client.
type client struct {
	base  string
	host  string // "": the base's
	token string
	key   string // an API key
	http  *http.Client
}

func newClient(base, token, from string) *client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &client{base: base, token: token, http: &http.Client{
		Timeout:   waitLimit,
		Transport: &http.Transport{DialContext: dialer.DialContext},
	}}
}

type response struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// do sends a request, with header fields in pairs.
func (c *client) do(t *testing.T, method, path, body string, fields ...string) response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.key != "" {
		request.Header.Set("X-Api-Key", c.key)
	}
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	request.Host = c.host
	began := time.Now()
	received, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer received.Body.Close()
	text, err := io.ReadAll(received.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{received.StatusCode, received.Header, string(text), time.Since(began)}
}

// token signs a token as a user does.
func token(t *testing.T, data, subject string) string {
	t.Helper()
	out, err := exec.Command(binary, "token", "--subject", subject, "--data", data).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
