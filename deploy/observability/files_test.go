package observability_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Grafana's provisioning, as far as it is used here: an unknown field is a mistake.
type (
	datasources struct {
		APIVersion  int          `yaml:"apiVersion"`
		Prune       bool         `yaml:"prune"`
		Datasources []datasource `yaml:"datasources"`
	}
	datasource struct {
		Name      string `yaml:"name"`
		UID       string `yaml:"uid"`
		Type      string `yaml:"type"`
		Access    string `yaml:"access"`
		URL       string `yaml:"url"`
		IsDefault bool   `yaml:"isDefault"`
		Editable  bool   `yaml:"editable"`
		JSONData  struct {
			HTTPMethod                  string `yaml:"httpMethod"`
			TimeInterval                string `yaml:"timeInterval"`
			ManageAlerts                bool   `yaml:"manageAlerts"`
			AlertmanagerUID             string `yaml:"alertmanagerUid"`
			Implementation              string `yaml:"implementation"`
			ExemplarTraceIDDestinations []struct {
				Name          string `yaml:"name"`
				DatasourceUID string `yaml:"datasourceUid"`
			} `yaml:"exemplarTraceIdDestinations"`
			NodeGraph struct {
				Enabled bool `yaml:"enabled"`
			} `yaml:"nodeGraph"`
			TracesToMetrics *struct {
				DatasourceUID      string `yaml:"datasourceUid"`
				SpanStartTimeShift string `yaml:"spanStartTimeShift"`
				SpanEndTimeShift   string `yaml:"spanEndTimeShift"`
				Tags               []struct {
					Key   string `yaml:"key"`
					Value string `yaml:"value"`
				} `yaml:"tags"`
				Queries []struct {
					Name  string `yaml:"name"`
					Query string `yaml:"query"`
				} `yaml:"queries"`
			} `yaml:"tracesToMetrics"`
		} `yaml:"jsonData"`
	}
	providers struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name                  string `yaml:"name"`
			OrgID                 int    `yaml:"orgId"`
			Folder                string `yaml:"folder"`
			FolderUID             string `yaml:"folderUid"`
			Type                  string `yaml:"type"`
			DisableDeletion       bool   `yaml:"disableDeletion"`
			AllowUIUpdates        bool   `yaml:"allowUiUpdates"`
			UpdateIntervalSeconds int    `yaml:"updateIntervalSeconds"`
			Options               struct {
				Path string `yaml:"path"`
			} `yaml:"options"`
		} `yaml:"providers"`
	}
)

func decode(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// TestDatasources holds that what refers to a source finds it, and that each is a
// service of the stack.
func TestDatasources(t *testing.T) {
	var all datasources
	decode(t, "grafana/datasources.yaml", &all)
	kinds := map[string]string{"": "none"}
	for _, source := range all.Datasources {
		kinds[source.UID] = source.Type
		expectListening(t, source.URL)
		if source.IsDefault != (source.Type == "prometheus") {
			t.Errorf("%s is the default: %v", source.Name, source.IsDefault)
		}
	}
	if len(kinds) != len(all.Datasources)+1 {
		t.Errorf("sources share a uid: %v", kinds)
	}
	for _, source := range all.Datasources {
		data := source.JSONData
		refers := map[string]string{data.AlertmanagerUID: "alertmanager"}
		for _, destination := range data.ExemplarTraceIDDestinations {
			refers[destination.DatasourceUID] = "jaeger"
		}
		if to := data.TracesToMetrics; to != nil {
			refers[to.DatasourceUID] = "prometheus"
		}
		delete(refers, "")
		for uid, kind := range refers {
			if kinds[uid] != kind {
				t.Errorf("%s refers to %q, which is of type %q, not %s", source.Name, uid, kinds[uid], kind)
			}
		}
		if want := map[string]int{"prometheus": 2, "jaeger": 1}[source.Type]; len(refers) != want {
			t.Errorf("%s refers to %v", source.Name, refers)
		}
	}
}

// TestDashboards holds that Grafana finds the generated dashboards, and that their
// panels take the source that is provisioned.
func TestDashboards(t *testing.T) {
	var all providers
	decode(t, "grafana/dashboards.yaml", &all)
	if len(all.Providers) != 1 || all.Providers[0].Folder == "" {
		t.Fatalf("providers %+v", all.Providers)
	}
	folder := ""
	for _, mount := range load(t).Services["grafana"].Volumes {
		if mount.Target == all.Providers[0].Options.Path {
			folder = mount.Source
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) != 5 {
		t.Fatalf("dashboards in %q: %v %v", folder, files, err)
	}
	exemplars := 0
	for _, file := range files {
		exemplars += checkDashboard(t, file)
	}
	if exemplars == 0 {
		t.Error("no chart shows exemplars")
	}
}

// checkDashboard returns how many queries ask for exemplars.
func checkDashboard(t *testing.T, file string) (exemplars int) {
	t.Helper()
	var dashboard struct {
		UID        string
		Templating struct {
			List []struct{ Name, Type, Query string }
		}
		Panels []struct {
			Title      string
			Datasource struct{ Type, UID string }
			Targets    []struct{ Exemplar bool }
		}
	}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil || dashboard.UID == "" {
		t.Fatalf("%s: %v", file, err)
	}
	// The variable's value is the default source of its type, unless chosen.
	if chooser := dashboard.Templating.List[0]; chooser.Name != "datasource" || chooser.Type != "datasource" || chooser.Query != "prometheus" {
		t.Errorf("%s: variable %+v", file, chooser)
	}
	for _, panel := range dashboard.Panels {
		if panel.Datasource.Type != "prometheus" || panel.Datasource.UID != "${datasource}" {
			t.Errorf("%s, %s: source %+v", file, panel.Title, panel.Datasource)
		}
		for _, target := range panel.Targets {
			if target.Exemplar {
				exemplars++
			}
		}
	}
	return exemplars
}

// TestPrometheus holds the configuration with its own tool, and that what it names is
// in the stack.
func TestPrometheus(t *testing.T) {
	config := unpacked(t)
	run(t, "promtool", "check", "config", filepath.Join(config, "prometheus.yaml"))
	run(t, "promtool", "check", "rules", "--lint-fatal", "prometheus/stack.yaml")
	var scraped struct {
		Alerting struct {
			Alertmanagers []struct {
				StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
			}
		}
		ScrapeConfigs []struct {
			Name          string                       `yaml:"job_name"`
			StaticConfigs []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	text, err := os.ReadFile("prometheus/prometheus.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &scraped)
	}
	if err != nil || len(scraped.ScrapeConfigs) != 2 || scraped.ScrapeConfigs[0].Name != "venta" {
		t.Fatalf("%+v %v", scraped, err)
	}
	targets := slices.Concat(scraped.ScrapeConfigs[1].StaticConfigs[0].Targets, scraped.Alerting.Alertmanagers[0].StaticConfigs[0].Targets)
	for _, target := range targets {
		expectListening(t, "http://"+target)
	}
}

// unpacked lays the files of Prometheus' container where it finds them, and returns
// their folder.
func unpacked(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	moved := strings.NewReplacer("/etc/prometheus", folder, "/run/secrets", folder)
	for _, mount := range load(t).Services["prometheus"].Volumes {
		inside, found := strings.CutPrefix(mount.Target, "/etc/prometheus/")
		if !found {
			continue
		}
		info, err := os.Stat(mount.Source)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			err = os.CopyFS(filepath.Join(folder, inside), os.DirFS(mount.Source))
		} else {
			var text []byte
			if text, err = os.ReadFile(mount.Source); err == nil {
				err = os.WriteFile(filepath.Join(folder, inside), []byte(moved.Replace(string(text))), 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "metrics_token"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestAlertmanager(t *testing.T) {
	run(t, "amtool", "check-config", "alertmanager/alertmanager.yaml")
	for labels, receiver := range map[string]string{"severity=page": "page", "severity=ticket": "ticket", "severity=info": "nobody", "alertname=Other": "ticket"} {
		run(t, "amtool", "config", "routes", "test", "--config.file=alertmanager/alertmanager.yaml", "--verify.receivers="+receiver, labels)
	}
}

// TestCollector has the real collector read its configuration.
func TestCollector(t *testing.T) {
	program := "../../bin/otelcol"
	if _, err := os.Stat(program); err != nil {
		t.Fatal("bin/otelcol is not built: make bin/otelcol")
	}
	run(t, program, "validate", "--config=collector/collector.yaml")
	var config struct {
		Exporters map[string]struct{ Endpoint string }
	}
	text, err := os.ReadFile("collector/collector.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &config)
	}
	if err != nil || len(config.Exporters) != 1 {
		t.Fatal(config, err)
	}
	for _, exporter := range config.Exporters {
		expectListening(t, "http://"+exporter.Endpoint)
	}
}

// listening are the ports inside the network of the stack.
var listening = map[string][]string{
	"prometheus": {"9090"}, "localhost": {"9090"}, "alertmanager": {"9093"}, "grafana": {"3000"},
	"collector": {"8888"}, "jaeger": {"4317", "8888", "16686"},
}

func expectListening(t *testing.T, address string) {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(parsed.Host)
	if err != nil || !slices.Contains(listening[host], port) {
		t.Errorf("nothing listens on %s: %v", address, err)
	}
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %v: %v\n%s", program, args, err, output)
	}
}
