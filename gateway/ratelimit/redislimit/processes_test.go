package redislimit_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/ratelimit/redislimit"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// envServer makes a process of this test one of the gateways.
const envServer = "REDISLIMIT_TEST_SERVER"

// The fleet's limit. Nothing is lost that the test counts on unless the machine
// stalls for as long as the burst takes to earn.
const (
	fleetRate  = 1000 // a second
	fleetBurst = 5000
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(envServer); addr != "" {
		if err := gatewayProcess(addr); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		return
	}
	redistest.VerifyTestMain(m)
}

func fleetLimit() policy.RateLimit {
	return sharedBy("fleet", policy.KeyGlobal, fleetRate, fleetBurst, time.Second)
}

// gatewayProcess says that it is ready, waits for its start, and says how many
// of its requests were admitted.
func gatewayProcess(addr string) error {
	c, err := redis.Open(context.Background(), redis.Options{Addresses: []string{addr}, Timeout: 3 * time.Second, Required: true})
	if err != nil {
		return err
	}
	defer c.Close()
	g, err := openGateway(redislimit.New(c), fleetLimit())
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	var asked, admitted atomic.Int64
	load(g, 2000, &asked, &admitted)
	if failed := g.failed.Load(); failed > 0 {
		return fmt.Errorf("%d decisions without the store", failed)
	}
	fmt.Println(admitted.Load())
	return nil
}

// process is a running gateway process.
type process struct {
	t     *testing.T
	start io.WriteCloser
	lines *bufio.Reader
}

func startProcess(t *testing.T, addr string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envServer+"="+addr)
	start, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has ended by itself unless the test failed
		_ = cmd.Wait()
	})
	return &process{t: t, start: start, lines: bufio.NewReader(output)}
}

func (p *process) line() string {
	p.t.Helper()
	line, err := p.lines.ReadString('\n')
	if err != nil {
		p.t.Fatalf("a gateway process ended after %q: %v", line, err)
	}
	return strings.TrimSpace(line)
}

// TestFourProcessesShareALimit under some times its load for about two seconds.
// What they may admit follows from the server's clock alone.
func TestFourProcessesShareALimit(t *testing.T) {
	server := redistest.Start(t)
	clock := server.Open(t)
	own := newGateway(t, redislimit.New(clock), fleetLimit())
	var processes []*process
	for range 4 {
		p := startProcess(t, server.Addr)
		if got := p.line(); got != "ready" {
			t.Fatalf("a gateway process says %q", got)
		}
		processes = append(processes, p)
	}
	from := useUp(t, own, clock)
	for _, p := range processes {
		if _, err := io.WriteString(p.start, "go\n"); err != nil {
			t.Fatal(err)
		}
	}
	admitted := 0
	for _, p := range processes {
		n, err := strconv.Atoi(p.line())
		if err != nil {
			t.Fatal(err)
		}
		admitted += n
	}
	to := useUp(t, own, clock)
	checkAdmitted(t, admitted+to.admitted, to.first.Sub(from.last), to.last.Sub(from.first))
}

// moment is when the limit was used up, between two looks at the server's clock.
type moment struct {
	first, last time.Time
	admitted    int // since it was called
}

// useUp asks until the limit is used up.
func useUp(t *testing.T, g *gateway, clock *redis.Client) moment {
	t.Helper()
	var m moment
	for n := 100; n == 100; m.admitted += n { // most of it, without looking
		n = g.admit("", 100)
	}
	m.first = serverTime(t, clock)
	for g.admit("", 1) == 1 {
		m.admitted++
		m.first = serverTime(t, clock)
	}
	m.last = serverTime(t, clock)
	return m
}

// checkAdmitted holds a count within 1 % of what the fleet's limit earned.
func checkAdmitted(t *testing.T, admitted int, shortest, longest time.Duration) {
	t.Helper()
	least, most := fleetRate*shortest.Seconds()-1, fleetRate*longest.Seconds()+1
	t.Logf("%d admitted, %.0f to %.0f by the server's clock", admitted, least, most)
	if got := float64(admitted); got > most || got < 0.99*least {
		t.Errorf("%d admitted, want %.0f to %.0f within 1 %%", admitted, least, most)
	}
}
