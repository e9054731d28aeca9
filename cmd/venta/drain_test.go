package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDrainWaitsForBalancers holds that a process which is told to end first says
// so to balancers and goes on serving, and that a second signal ends it at once.
func TestDrainWaitsForBalancers(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "venta.yaml")
	if err := os.WriteFile(config, []byte("shutdown: {delay: 5m}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--config", config)
	rest := newClient(p.address(t, `REST on (http://\S+) `), token(t, data, "ada"), "127.0.0.1")
	operations := newClient(p.address(t, `health on (http://\S+) `), "", "127.0.0.1")
	if got := operations.do(t, http.MethodGet, "/readyz", ""); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	away := poll(t, waitLimit, 20*time.Millisecond, func() bool {
		return operations.do(t, http.MethodGet, "/readyz", "").status == http.StatusServiceUnavailable
	})
	if !away {
		t.Fatal("still ready")
	}
	if got := rest.do(t, http.MethodGet, "/v2/vendors", ""); got.status != http.StatusOK {
		t.Errorf("a request while balancers look: %d %s", got.status, got.body)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if p.wait(t); p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("ended by %v, want the second signal", p.cmd.ProcessState)
	}
}

func TestOperatorsSeePolicies(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "venta.yaml")
	if err := os.WriteFile(config, []byte(unlimited), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--config", config)
	operations := newClient(p.address(t, `health on (http://\S+) `), "", "127.0.0.1")
	got := operations.do(t, http.MethodGet, "/policies", "")
	if got.status != http.StatusOK || !strings.Contains(got.body, `"rate_limits": "`+config+`:2`) ||
		!strings.Contains(got.body, `"timeout": "venta/vendor/v2/vendor_service.proto:`) {
		t.Errorf("%d %s", got.status, got.body[:min(len(got.body), 2000)])
	}
	if got := operations.do(t, http.MethodGet, "/upstreams", ""); got.status != http.StatusOK || !strings.Contains(got.body, `"target": "passthrough:///vendor"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
	purge := func(body string) response {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, operations.base+"/cache/purge", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		received, err := operations.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer received.Body.Close()
		return response{status: received.StatusCode}
	}
	if got := purge(`{"tags":["vendors"]}`); got.status != http.StatusOK {
		t.Errorf("purge: %d", got.status)
	}
	if got := purge(`{}`); got.status != http.StatusBadRequest {
		t.Errorf("purge of nothing: %d", got.status)
	}
}
