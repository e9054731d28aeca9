package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/chaos/internal/process"
)

// TestMain is also the child: that is this program with an argument of its own.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], "child-") {
		child(strings.TrimPrefix(os.Args[1], "child-"))
	}
	goleak.VerifyTestMain(m)
}

func child(kind string) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	fmt.Print("first a line\nserves at one and two")
	if kind == "silent" {
		fmt.Fprintln(os.Stderr, "no reason")
		os.Exit(2)
	}
	fmt.Print("\nthen more\n" + strings.Repeat("x", 1<<20))
	<-ended
	if kind == "failing" {
		os.Exit(3)
	}
	os.Exit(0)
}

var ready = regexp.MustCompile(`^serves at (\S+) and (\S+)$`)

func start(t *testing.T, kind string) *process.Process {
	t.Helper()
	p, err := process.Start(t.Context(), ready, os.Args[0], "child-"+kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestStop(t *testing.T) {
	p := start(t, "good")
	if !slices.Equal(p.Announced, []string{"one", "two"}) {
		t.Errorf("announced %q", p.Announced)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	<-p.Exited()
	if err := p.Stop(); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if log := p.Log(); len(log) != 32<<10 || !strings.HasSuffix(log, "x") {
		t.Errorf("the log has %d bytes", len(log))
	}
}

func TestStopTellsTheExitCode(t *testing.T) {
	if err := start(t, "failing").Stop(); err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Error(err)
	}
}

func TestKill(t *testing.T) {
	p := start(t, "good")
	p.Kill()
	<-p.Exited()
	if err := p.Stop(); err == nil {
		t.Error("a killed process ended in order")
	}
}

func TestAProcessThatDoesNotServe(t *testing.T) {
	_, err := process.Start(t.Context(), ready, os.Args[0], "child-silent")
	if err == nil || !strings.Contains(err.Error(), "exit code 2") || !strings.Contains(err.Error(), "no reason") {
		t.Error(err)
	}
	if _, err := process.Start(t.Context(), ready, "/nonexistent"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := regexp.MustCompile("^never$")
	if _, err := process.Start(ctx, never, os.Args[0], "child-good"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
