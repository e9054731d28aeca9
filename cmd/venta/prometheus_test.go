package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"

	locationv1 "github.com/venta-hq/venta/gen/venta/location/v1"
	userv1 "github.com/venta-hq/venta/gen/venta/user/v1"
	vendorv1 "github.com/venta-hq/venta/gen/venta/vendors/v1"
	vendorv2 "github.com/venta-hq/venta/gen/venta/vendors/v2"
)

// generateObservability runs the plugin, with options, on the schemas of the system,
// and returns the folder of what it writes.
func generateObservability(t *testing.T, options string) string {
	t.Helper()
	folder := t.TempDir()
	plugin := filepath.Join(folder, "plugin")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", plugin, "../../plugins/protoc-gen-venta-observability").CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	request := &pluginpb.CodeGeneratorRequest{Parameter: &options}
	seen := map[string]bool{}
	for _, file := range []protoreflect.FileDescriptor{
		locationv1.File_venta_location_v1_location_service_proto, userv1.File_venta_user_v1_user_service_proto,
		vendorv1.File_venta_vendor_v1_vendor_service_proto, vendorv2.File_venta_vendor_v2_vendor_service_proto,
	} {
		request.FileToGenerate = append(request.FileToGenerate, file.Path())
		describe(request, file, seen)
	}
	encoded, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), plugin)
	command.Stdin = bytes.NewReader(encoded)
	written, err := command.Output()
	response := &pluginpb.CodeGeneratorResponse{}
	if err != nil || proto.Unmarshal(written, response) != nil || response.Error != nil {
		t.Fatalf("the plugin: %v, %s", err, response.GetError())
	}
	for _, file := range response.GetFile() {
		path := filepath.Join(folder, file.GetName())
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, file.GetContent())
	}
	return folder
}

// describe adds a file behind what it imports.
func describe(request *pluginpb.CodeGeneratorRequest, file protoreflect.FileDescriptor, seen map[string]bool) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		describe(request, file.Imports().Get(i).FileDescriptor, seen)
	}
	request.ProtoFile = append(request.ProtoFile, protodesc.ToFileDescriptorProto(file))
}

// prometheus is a real one that scrapes a gateway.
type prometheus struct{ base string }

func startPrometheus(t *testing.T, rules, target string) *prometheus {
	t.Helper()
	return runPrometheus(t, writeFile(t, filepath.Join(t.TempDir(), "prometheus.yaml"), fmt.Sprintf(`
global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 500ms}
rule_files: [%q]
scrape_configs: [{job_name: venta, static_configs: [{targets: [%q]}]}]
`, rules, target)))
}

// runPrometheus runs it with a configuration, and flags beside those of the address
// and the data.
func runPrometheus(t *testing.T, config string, flags ...string) *prometheus {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatalf("%v; make test installs it, as does your system's package manager", err)
	}
	address := freeAddress(t)
	command := exec.Command(program, append(flags, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(t.TempDir(), "data"),
		"--web.listen-address="+address, "--log.level=warn")...)
	log := newLines()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Logf("prometheus:\n%s", log)
		}
	})
	p := &prometheus{base: "http://" + address}
	ready := poll(t, waitLimit, 100*time.Millisecond, func() bool {
		response, err := http.Get(p.base + "/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	if !ready {
		t.Fatalf("Prometheus does not start:\n%s", log)
	}
	return p
}

// get calls Prometheus' API and reads what is found.
func (p *prometheus) get(t *testing.T, path string, query url.Values, data any) {
	t.Helper()
	response, err := http.Get(p.base + "/api/v1/" + path + "?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s %v: %v %s", path, query, err, answer.Error)
	}
}

// firing returns the names of the alerts that fire.
func (p *prometheus) firing(t *testing.T) map[string]bool {
	t.Helper()
	var data struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	p.get(t, "alerts", nil, &data)
	names := map[string]bool{}
	for _, alert := range data.Alerts {
		if alert.State == "firing" {
			names[alert.Labels["alertname"]] = true
		}
	}
	return names
}

// shows tells whether a query, as a chart or as a number, has a value.
func (p *prometheus) shows(t *testing.T, query string, instant bool) bool {
	t.Helper()
	var data struct {
		Result []struct {
			Value  [2]any
			Values [][2]any
		}
	}
	now := time.Now()
	if instant {
		p.get(t, "query", url.Values{"query": {query}}, &data)
	} else {
		p.get(t, "query_range", url.Values{
			"query": {query}, "step": {"1"},
			"start": {strconv.FormatInt(now.Add(-5*time.Minute).Unix(), 10)}, "end": {strconv.FormatInt(now.Unix(), 10)},
		}, &data)
	}
	for _, series := range data.Result {
		for _, sample := range append(series.Values, series.Value) {
			text, _ := sample[1].(string)
			if value, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(value) {
				return true
			}
		}
	}
	return false
}
