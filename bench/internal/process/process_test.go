package process_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/bench/internal/process"
)

// TestMain is also the child: that is this program with an argument of its own.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && strings.HasPrefix(os.Args[1], "child-") {
		child(strings.TrimPrefix(os.Args[1], "child-"))
	}
	goleak.VerifyTestMain(m)
}

func child(kind string) {
	ctx, cancel := process.WithParent(context.Background())
	defer cancel()
	switch kind {
	case "silent":
		os.Exit(0)
	case "babbling":
		fmt.Println("not JSON")
	default:
		_ = process.Announce(process.Addresses{Main: "main", Side: strconv.Itoa(runtime.GOMAXPROCS(0))})
	}
	<-ctx.Done()
	if kind == "failing" {
		os.Exit(3)
	}
	os.Exit(0)
}

func TestLife(t *testing.T) {
	c, err := process.Start(t.Context(), 3, "child-good")
	if err != nil {
		t.Fatal(err)
	}
	if c.Main != "main" || c.Side != "3" {
		t.Errorf("announced %+v", c.Addresses)
	}
	if err := c.Stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}

func TestFailureAtTheEnd(t *testing.T) {
	c, err := process.Start(t.Context(), 1, "child-failing")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Stop(); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
}

func TestNoAnnouncement(t *testing.T) {
	for _, kind := range []string{"child-silent", "child-babbling"} {
		if c, err := process.Start(t.Context(), 1, kind); err == nil {
			t.Errorf("%s: announced %+v", kind, c.Addresses)
		}
	}
}

func TestEndOfTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := process.Start(ctx, 1, "child-good")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := c.Stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
}
