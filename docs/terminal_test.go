package docs_test

import (
	"bufio"
	"bytes"
	"errors"
	"net"
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

// terminal runs a page's blocks one after the other, as a reader does who types
// them into a shell, and in another one what serves.
type terminal struct {
	t      *testing.T
	env    []string
	ports  *strings.Replacer // the page's addresses to free ones
	moved  map[string]string // the same, for who needs one
	state  string            // what a block leaves to the next: its folder, its variables
	served *serving
}

// serves are the commands that do not end.
var serves = regexp.MustCompile(`(?m)^(make run|go run \.)$`)

const (
	blockTime = 10 * time.Minute // for one block, the builds with empty caches among them
	endTime   = 20 * time.Second
)

// newTerminal returns a terminal in a new folder. Everything ends with the test.
func newTerminal(t *testing.T, env ...string) *terminal {
	t.Helper()
	moved, replaced := map[string]string{}, []string(nil)
	for _, port := range []string{"8080", "8081", "9001", "9002", "9003", "9090"} {
		moved[port] = freeAddress(t)
		replaced = append(replaced, "127.0.0.1:"+port, moved[port])
	}
	home := t.TempDir()
	x := &terminal{
		t:     t,
		env:   append(append(os.Environ(), "VENTA_HTTP="+moved["8080"], "VENTA_ADMIN="+moved["8081"]), env...),
		ports: strings.NewReplacer(replaced...),
		moved: moved,
		state: filepath.Join(home, "state"),
	}
	folder := filepath.Join(home, "work")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, x.state, []byte("cd '"+folder+"'\n"))
	t.Cleanup(x.stop)
	return x
}

// run runs a block and returns what it prints.
func (x *terminal) run(block string) string {
	x.t.Helper()
	if serves.MatchString(block) {
		x.serve(block)
		return ""
	}
	command := x.command(block)
	timer := time.AfterFunc(blockTime, func() { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	out, err := command.CombinedOutput()
	if err != nil {
		x.t.Fatalf("%v\n%s\n%s", err, block, out)
	}
	return string(out)
}

// command returns a shell for a block, in a process group of its own.
func (x *terminal) command(block string) *exec.Cmd {
	script := "set -eu -o pipefail\nsource " + x.state + "\n" +
		"trap '{ export -p; echo \"cd $PWD\"; } >" + x.state + "' EXIT\n" +
		x.ports.Replace(block)
	command := exec.Command("bash", "-c", script)
	command.Env = x.env
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command
}

// folder returns where the last block ended.
func (x *terminal) folder() string {
	return strings.TrimSpace(x.run("pwd"))
}

// serving is a process that serves.
type serving struct {
	command *exec.Cmd
	ended   chan error

	mu  sync.Mutex
	log bytes.Buffer
}

// serve starts a block that does not end, in place of the one that served before,
// and waits until it says that it serves.
func (x *terminal) serve(block string) {
	x.t.Helper()
	x.stop()
	command := x.command(block)
	out, in, err := os.Pipe()
	if err != nil {
		x.t.Fatal(err)
	}
	command.Stdout, command.Stderr = in, in
	if err := errors.Join(command.Start(), in.Close()); err != nil {
		x.t.Fatal(err)
	}
	s := &serving{command: command, ended: make(chan error, 1)}
	x.served = s
	ready := make(chan struct{}, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			s.mu.Lock()
			s.log.WriteString(lines.Text() + "\n")
			s.mu.Unlock()
			if strings.Contains(lines.Text(), " serves ") {
				ready <- struct{}{}
			}
		}
		s.ended <- errors.Join(command.Wait(), out.Close())
	}()
	select {
	case <-ready:
	case err := <-s.ended:
		x.served = nil
		x.t.Fatalf("it ended: %v\n%s\n%s", err, block, s.text())
	case <-time.After(blockTime):
		x.t.Fatalf("it does not serve:\n%s\n%s", block, s.text())
	}
}

func (s *serving) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// stop does as Ctrl-C, and kills what does not end.
func (x *terminal) stop() {
	s := x.served
	if s == nil {
		return
	}
	x.served = nil
	group := -s.command.Process.Pid
	_ = syscall.Kill(group, syscall.SIGINT) // it may have ended
	select {
	case <-s.ended:
	case <-time.After(endTime):
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-s.ended
		x.t.Errorf("what serves did not end on Ctrl-C:\n%s", s.text())
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// printed fails the test unless each line of want is in got, in this order. Three
// dots stand for anything.
func printed(t *testing.T, got, want string) {
	t.Helper()
	lines := strings.Split(strings.ReplaceAll(got, "\r", ""), "\n")
	for line := range strings.Lines(want) {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), `\.\.\.`, ".*")
		expected := regexp.MustCompile("^" + pattern + "$")
		i := 0
		for i < len(lines) && !expected.MatchString(lines[i]) {
			i++
		}
		if i == len(lines) {
			t.Fatalf("%q was not printed, or not in this place:\n%s", strings.TrimSpace(line), got)
		}
		lines = lines[i+1:]
	}
}
