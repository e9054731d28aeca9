package main_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/auth"
)

// watched is a fleet that a Prometheus scrapes, with the rules and dashboards that
// are generated of its schemas.
type watched struct {
	*fleet
	prometheus *prometheus
	user       *process
	base       string
	token      string
	generated  string // folder
}

// timeScale is a flag and no variable: the processes under test refuse variables of
// theirs that they do not know.
var timeScale = flag.String("time-scale", "30", "what the durations of rules are divided by; `make alerts` has them as they are")

// startWatched starts it without the breaker of the user service, so that its callers
// wait for as long as it hangs, and without the vendors' stored lists, which would
// outlive their service.
func startWatched(t *testing.T) *watched {
	t.Helper()
	f := &fleet{data: t.TempDir()}
	w := &watched{fleet: f, generated: generateObservability(t, "time_scale="+*timeScale)}
	f.vendor, f.address = f.service(t, "vendor", "127.0.0.1:0")
	var user string
	w.user, user = f.service(t, "user", "127.0.0.1:0")
	_, location := f.service(t, "location", "127.0.0.1:0")
	_, expiring, err := auth.NewAPIKey(auth.APIKey{ID: "a", Subject: "b", Expires: time.Now().Add(time.Hour)}) // a panel shows it
	if err != nil {
		t.Fatal(err)
	}
	keys, err := json.Marshal([]auth.APIKey{expiring})
	if err != nil {
		t.Fatal(err)
	}
	config := configFile(t, `
auth: {api_keys_file: `+writeFile(t, filepath.Join(t.TempDir(), "keys.json"), string(keys))+`}
overrides:
  - methods: venta.user.v1.UserService/GetUserVendors
    policy: {circuit_breaker: {disabled: true}, timeout: {duration: 3s}, retry: {disabled: true}}
  - methods: venta.vendor.v2.VendorService/ListVendors
    policy: {cache: {disabled: true}}
`)
	gw := start(t, "serve", "--dev-keys", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", f.data, "--config", config,
		"--upstream", "vendor="+f.address, "--upstream", "user="+user, "--upstream", "location="+location)
	w.base = gw.address(t, `REST on (http://\S+) `)
	w.token = token(t, f.data, "ada")
	admin := strings.TrimPrefix(gw.address(t, `health on (http://\S+:\d+)`), "http://")
	w.prometheus = startPrometheus(t, filepath.Join(w.generated, "prometheus", "rules.yaml"), admin)
	return w
}

// load uses all of the API until the test ends, so that each panel has something to
// show. What it meets is no concern of its own.
func (w *watched) load(t *testing.T, vendor string) {
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var all sync.WaitGroup
	t.Cleanup(func() { stop(); all.Wait() })
	repeat := func(path string, subnet int, every time.Duration) {
		all.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for i := 0; ctx.Err() == nil; i++ {
				from := fmt.Sprintf("127.0.%d.%d", subnet, 1+i/50%250)
				w.request(ctx, newClient(w.base, w.token, from), path)
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	repeat("/v1/vendors/"+vendor, 8, time.Second) // mostly refused: the limit is ten a minute
	repeat("/v1/locations", 9, time.Second)
	repeat("/v2/vendors", 10, 300*time.Millisecond)
	for i := range 4 {
		repeat("/v1/users/me/vendors", 11+i, 300*time.Millisecond)
	}
}

func (w *watched) request(ctx context.Context, c *client, path string) {
	defer c.http.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if response, err := c.http.Do(r); err == nil {
		response.Body.Close()
	}
}

// TestAlertsFireAndClear breaks a service and hangs another, and reads in a real
// Prometheus that the alerts on it fire, that each panel of each dashboard has
// something to show, and that the alerts end with the fault.
func TestAlertsFireAndClear(t *testing.T) {
	t.Parallel()
	w := startWatched(t)
	w.load(t, createVendor(t, newClient(w.base, w.token, "127.0.7.1")))
	quiet := func() bool {
		firing := w.prometheus.firing(t)
		delete(firing, "VentaDiskNearlyFull") // of the machine that tests run on
		return len(firing) == 0
	}
	shown := func() bool {
		return w.prometheus.shows(t, `rate(http_server_request_duration_seconds_count{rpc_method=~".+ListVendors"}[10s]) > 0`, true)
	}
	if !poll(t, waitLimit, time.Second, func() bool { return shown() && quiet() }) {
		t.Fatalf("before the fault these fire: %v", w.prometheus.firing(t))
	}

	if err := w.vendor.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-w.vendor.exited
	w.user.freeze(t)
	alerts := []string{"VentaErrorRate", "VentaLatencyP95", "VentaBreakerNotClosed", "VentaDependencyUnhealthy", "VentaErrorBudgetBurn"}
	fired := map[string]bool{}
	w.wait(t, "do not fire", alerts, func(name string, firing map[string]bool) bool {
		fired[name] = fired[name] || firing[name]
		return fired[name]
	})
	if *timeScale != "1" { // what is left of a budget is known after half an hour
		w.checkPanels(t)
	}

	w.vendor, _ = w.service(t, "vendor", w.address)
	if err := w.user.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	// A budget that is spent stays spent: the slower alerts on it take hours.
	w.wait(t, "do not clear", alerts[:4], func(name string, firing map[string]bool) bool { return !firing[name] })
}

// wait polls until what is asked holds of each alert.
func (w *watched) wait(t *testing.T, problem string, alerts []string, holds func(string, map[string]bool) bool) {
	t.Helper()
	limit := 2 * waitLimit
	if *timeScale == "1" {
		limit = 30 * time.Minute
	}
	var missing []string
	done := poll(t, limit, time.Second, func() bool {
		firing := w.prometheus.firing(t)
		missing = slices.DeleteFunc(slices.Clone(alerts), func(name string) bool { return holds(name, firing) })
		return len(missing) == 0
	})
	if !done {
		t.Fatalf("these alerts %s: %v", problem, missing)
	}
}

// checkPanels asks each panel's query, its variables filled in, until it has a value.
func (w *watched) checkPanels(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.generated, "grafana", "*.json"))
	if err != nil || len(files) != 5 {
		t.Fatalf("dashboards %v: %v", files, err)
	}
	count, end := 0, time.Now().Add(2*waitLimit) // for all of them
	for _, file := range files {
		var dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct {
					Expr    string
					Instant bool
				}
			}
		}
		content, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(content, &dashboard)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				count++
				query := fillIn(filepath.Base(file), target.Expr)
				if !poll(t, time.Until(end), time.Second, func() bool { return w.prometheus.shows(t, query, target.Instant) }) {
					t.Errorf("%s, %q shows nothing: %s", filepath.Base(file), panel.Title, query)
				}
			}
		}
	}
	if count < 40 {
		t.Errorf("only %d queries", count)
	}
}

// fillIn puts values in the places of a dashboard's variables, as Grafana does.
func fillIn(file, query string) string {
	chosen := "venta.vendor.v2.VendorService/ListVendors"
	if file == "policy.json" {
		chosen = ".+" // all
	}
	return strings.NewReplacer("$__rate_interval", "10s", "$rpc_method", chosen).Replace(query)
}
