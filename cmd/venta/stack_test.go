package main_test

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// stackFolder has the stack that looks at gateways, which runs in containers. What
// of it can run without is run here.
const stackFolder = "../../deploy/observability/"

// stackFile copies a file of the stack with other addresses and paths.
func stackFile(t *testing.T, folder, name string, oldnew ...string) string {
	t.Helper()
	text, err := os.ReadFile(stackFolder + name)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, filepath.Join(folder, filepath.Base(name)), strings.NewReplacer(oldnew...).Replace(string(text)))
}

// startCollector runs OpenTelemetry's collector with the configuration of the stack,
// which sends to a receiver. It returns where it takes spans and shows its metrics.
func startCollector(t *testing.T, to string) (otlp, metrics string) {
	t.Helper()
	program := "../../bin/otelcol"
	if _, err := os.Stat(program); err != nil {
		t.Fatal("bin/otelcol is not built: make bin/otelcol")
	}
	otlp, metrics = freeAddress(t), freeAddress(t)
	_, port, err := net.SplitHostPort(metrics)
	if err != nil {
		t.Fatal(err)
	}
	config := stackFile(t, t.TempDir(), "collector/collector.yaml", "0.0.0.0:4317", otlp, "0.0.0.0:4318", freeAddress(t),
		"jaeger:4317", to, "host: 0.0.0.0", "host: 127.0.0.1", "port: 8888", "port: "+port)
	command, log := exec.Command(program, "--config="+config), newLines()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("collector:\n%s", log)
		}
	})
	return otlp, metrics
}

// startLookedAt runs a gateway with the configuration that the stack's page asks
// for, and returns the token that Prometheus has.
func startLookedAt(t *testing.T, otlp string) (base, admin, token string) {
	t.Helper()
	stdout, stderr, code := finished(t, nil, "admintoken", "prometheus", "--role", "read", "--ttl", "1h")
	token, entry := regexp.MustCompile(`vk_\S+`).FindString(stdout+stderr), regexp.MustCompile(`\{.*\}`).FindString(stdout+stderr)
	if code != 0 || token == "" || entry == "" {
		t.Fatalf("admintoken: %d %s%s", code, stdout, stderr)
	}
	folder := t.TempDir()
	tokens := writeFile(t, filepath.Join(folder, "admin-tokens.json"), "["+entry+"]")
	config := stackFile(t, folder, "gateway.yaml", "127.0.0.1:4317", otlp, "deploy/observability/secrets/admin-tokens.json", tokens)
	t.Setenv("VENTA_ADMIN_ACCESS_REQUIRE_ON_LOOPBACK", "true") // as on the address of Docker's bridge
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	gw := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir(), "--config", config)
	return gw.address(t, `REST on (http://\S+) `), strings.TrimPrefix(gw.address(t, `health on (http://\S+:\d+)`), "http://"), token
}

// scrape runs a Prometheus with the configuration and the flags of the stack.
func scrape(t *testing.T, gateway, token, collector string) *prometheus {
	t.Helper()
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "metrics_token"), token)
	stackFile(t, folder, "prometheus/gateways.yaml", "host.docker.internal:8081", gateway)
	stackFile(t, folder, "prometheus/stack.yaml")
	if err := os.CopyFS(filepath.Join(folder, "generated"), os.DirFS(stackFolder+"generated/prometheus")); err != nil {
		t.Fatal(err)
	}
	config := stackFile(t, folder, "prometheus/prometheus.yaml", "/etc/prometheus", folder, "/run/secrets", folder, "15s", "500ms",
		"localhost:9090, alertmanager:9093, grafana:3000, collector:8888, jaeger:8888", collector, "alertmanager:9093", "127.0.0.1:1")
	compose, err := os.ReadFile(stackFolder + "compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`--(?:enable-feature|storage\.tsdb\.retention\.[a-z]+)=\S+`).FindAllString(string(compose), -1)
	if len(flags) != 3 {
		t.Fatalf("flags of Prometheus: %v", flags)
	}
	return runPrometheus(t, config, flags...)
}

// TestStack has a gateway looked at as deploy/observability does: a real Prometheus
// scrapes it with its token, a real collector hands its spans on, and a bar of a
// histogram leads to the trace.
func TestStack(t *testing.T) {
	store := startStore(t)
	otlp, collector := startCollector(t, store.otlp())
	base, admin, token := startLookedAt(t, otlp)
	p := scrape(t, admin, token, collector)
	callers := newClient(base, "", "127.0.0.9")
	led := poll(t, waitLimit, time.Second, func() bool {
		callers.do(t, http.MethodGet, "/v2/vendors", "") // 401: has a trace as any other
		known := store.traces(t)
		return slices.ContainsFunc(p.exemplars(t), func(id string) bool { return known[id] })
	})
	if !led {
		t.Errorf("no exemplar leads to a trace: exemplars %v, traces %v", p.exemplars(t), store.traces(t))
	}
	for _, query := range []string{`up{job="venta"} == 1`, `up{job="observability"} == 1`, `otelcol_receiver_accepted_spans_total > 0`,
		"otelcol_receiver_refused_spans_total == 0", `venta_telemetry_dropped_spans_total{reason="queue_full"} == 0`,
	} {
		if !poll(t, waitLimit, time.Second, func() bool { return p.shows(t, query, true) }) {
			t.Errorf("nothing is %s", query)
		}
	}
	p.checkRules(t)
	byName(t, admin, token)
}

// byName holds that the admin address may be called as containers call it.
func byName(t *testing.T, admin, token string) {
	t.Helper()
	for bearer, want := range map[string]int{token: http.StatusOK, "": http.StatusUnauthorized} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "host.docker.internal:8081"
		if bearer != "" {
			request.Header.Set("Authorization", "Bearer "+bearer)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("by name, with a token %v: %d", bearer != "", response.StatusCode)
		}
	}
}

// exemplars returns the traces that durations of requests lead to, by the label that
// Grafana is told of.
func (p *prometheus) exemplars(t *testing.T) []string {
	t.Helper()
	var data []struct {
		Exemplars []struct{ Labels map[string]string }
	}
	now := time.Now()
	p.get(t, "query_exemplars", url.Values{
		"query": {"http_server_request_duration_seconds_bucket"},
		"start": {now.Add(-time.Hour).Format(time.RFC3339)}, "end": {now.Add(time.Minute).Format(time.RFC3339)},
	}, &data)
	sources, err := os.ReadFile(stackFolder + "grafana/datasources.yaml")
	if err != nil {
		t.Fatal(err)
	}
	label := regexp.MustCompile(`exemplarTraceIdDestinations:\s+- name: (\S+)`).FindStringSubmatch(string(sources))
	var ids []string
	for _, series := range data {
		for _, exemplar := range series.Exemplars {
			ids = append(ids, exemplar.Labels[label[1]])
		}
	}
	return ids
}

// checkRules holds that the rules of both files are evaluated, and that none fails.
func (p *prometheus) checkRules(t *testing.T) {
	t.Helper()
	missing := []string{"VentaErrorBudgetBurn", "VentaMetricsAbsent", "ObservabilityTargetDown", "TracesLost"}
	evaluated := poll(t, waitLimit, time.Second, func() bool {
		var data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
		p.get(t, "rules", nil, &data)
		for _, group := range data.Groups {
			for _, rule := range group.Rules {
				if rule.LastError != "" {
					t.Fatalf("%s: %s", rule.Name, rule.LastError)
				}
				missing = slices.DeleteFunc(missing, func(name string) bool { return name == rule.Name && rule.Health == "ok" })
			}
		}
		return len(missing) == 0
	})
	if !evaluated {
		t.Errorf("these rules are not evaluated: %v", missing)
	}
}
