package main_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fleet runs the gateway and the services as processes of their own.
type fleet struct {
	data    string
	vendor  *process
	address string // of the vendor service
	client  *client
}

func startFleet(t *testing.T, from string) *fleet {
	t.Helper()
	f := &fleet{data: t.TempDir()}
	f.vendor, f.address = f.service(t, "vendor", "127.0.0.1:0")
	_, user := f.service(t, "user", "127.0.0.1:0")
	_, location := f.service(t, "location", "127.0.0.1:0")
	gw := start(t, "serve", "--dev-keys", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", f.data,
		"--upstream", "vendor="+f.address, "--upstream", "user="+user, "--upstream", "location="+location)
	base := gw.address(t, `REST on (http://\S+) `)
	f.client = newClient(base, token(t, f.data, "ada"), from)
	return f
}

func (f *fleet) service(t *testing.T, name, listen string) (*process, string) {
	t.Helper()
	p := start(t, "service", name, "--dev-keys", "--listen", listen, "--data", f.data)
	return p, p.address(t, `on (127\.0\.0\.1:\d+)`)
}

// list requests something that no limit of ten and no stored response hides.
func (f *fleet) list(t *testing.T, page string) response {
	return f.client.do(t, http.MethodGet, "/v2/vendors?pageSize="+page, "")
}

func TestBreakerOpensAndCloses(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "127.0.0.2")
	if got := f.list(t, "1"); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if err := f.vendor.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-f.vendor.exited

	var open response
	for i := range 10 { // each with up to three attempts; the minimum is five
		open = f.list(t, "2")
		if open.status != http.StatusServiceUnavailable {
			t.Fatalf("call %d: %d %s", i, open.status, open.body)
		}
		if strings.Contains(open.body, "127.0.0.1") {
			t.Errorf("the address of the service leaks: %s", open.body)
		}
		if strings.Contains(open.body, "CIRCUIT_OPEN") {
			break
		}
	}
	opened := time.Now()
	if !strings.Contains(open.body, "CIRCUIT_OPEN") || open.header.Get("Retry-After") == "" {
		t.Fatalf("the breaker is closed after ten calls: %v %s", open.header, open.body)
	}
	if got := f.list(t, "3"); got.status != http.StatusServiceUnavailable || got.took > time.Second {
		t.Errorf("open: %d after %v", got.status, got.took)
	}

	f.vendor, _ = f.service(t, "vendor", f.address)
	closed := poll(t, 50*time.Second, time.Second, func() bool { return f.list(t, "4").status == http.StatusOK })
	if !closed {
		t.Fatal("still open")
	}
	if open := time.Since(opened); open < 26*time.Second || open > 40*time.Second {
		t.Errorf("closed after %v, want 27s to 30s and a probe", open)
	}
}

// poll calls ok at an interval until it holds or the time is up.
func poll(t *testing.T, atMost, every time.Duration, ok func() bool) bool {
	t.Helper()
	tick := time.NewTicker(every)
	defer tick.Stop()
	end := time.After(atMost)
	for {
		if ok() {
			return true
		}
		select {
		case <-tick.C:
		case <-end:
			return false
		}
	}
}

// freeze stops the process as it is. It may run on until the last of its threads
// has stopped, which is what is waited for.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var now syscall.WaitStatus
	if _, err := syscall.Wait4(p.cmd.Process.Pid, &now, syscall.WUNTRACED, nil); err != nil || !now.Stopped() {
		t.Fatalf("the process has not stopped: %v, %v", now, err)
	}
}

func TestHangingServiceCostsTheTimeout(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "127.0.0.2")
	if got := f.list(t, "1"); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	f.vendor.freeze(t)
	got := f.list(t, "2")
	if got.status != http.StatusGatewayTimeout {
		t.Errorf("%d %s", got.status, got.body)
	}
	// Five seconds, and what a busy machine adds.
	if got.took < 4500*time.Millisecond || got.took > 7*time.Second {
		t.Errorf("the response came after %v", got.took)
	}
	if err := f.vendor.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !poll(t, 10*time.Second, 200*time.Millisecond, func() bool { return f.list(t, "3").status == http.StatusOK }) {
		t.Error("the service is back and the gateway does not see it")
	}
}
