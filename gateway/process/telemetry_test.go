package process_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/venta-hq/venta/gateway/process"
)

// TestVariablesOfOpenTelemetry holds that the start and config check refuse what a
// variable says otherwise than the configuration, in the same words.
func TestVariablesOfOpenTelemetry(t *testing.T) {
	tests := []struct {
		name, config, variable string
		want                   string // "": it starts
	}{
		{"a collector", "", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9", ""},
		{"the same share", "telemetry: {sample_ratio: 0.5}", "OTEL_TRACES_SAMPLER_ARG=0.5", ""},
		{"another share", "telemetry: {sample_ratio: 0.5}", "OTEL_TRACES_SAMPLER=always_on", "OTEL_TRACES_SAMPLER says 1, and telemetry.sample_ratio is 0.5"},
		{"another collector", "telemetry: {otlp_endpoint: 'localhost:1'}", "OTEL_EXPORTER_OTLP_ENDPOINT=localhost:2", "telemetry.otlp_endpoint"},
		{"another protocol", "telemetry: {otlp_protocol: grpc}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "telemetry.otlp_protocol"},
		{"what is not supported", "", "OTEL_PROPAGATORS=b3", "OTEL_PROPAGATORS"},
		{"a plain connection", "", "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector.example:4317", "OTLPEndpoint"},
		{"off", "telemetry: {otlp_endpoint: 'localhost:1'}", "OTEL_SDK_DISABLED=true", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			environ := []string{"VENTA_AUTH_DEVELOPMENT_KEYS=true", "VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=127.0.0.1:0", test.variable}
			path := write(t, filepath.Join(t.TempDir(), "shop.yaml"), test.config+"\n")
			_, _, checked := execute(t, shop(bearer), environ, "config", "check", path)
			started := startsAndEnds(t, path, environ)
			for by, err := range map[string]error{"check": checked, "start": started} {
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: %v, want %q", by, err, test.want)
				}
			}
			if checked != nil && started != nil && checked.Error() != started.Error() {
				t.Errorf("they differ:\ncheck: %v\nstart: %v", checked, started)
			}
		})
	}
}

// TestReloadThatContradictsAVariable holds that it changes nothing.
func TestReloadThatContradictsAVariable(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "shop.yaml"), "logging: {level: info}\n")
	r := runWith(t, shop(nil), process.Options{ConfigFile: path, Environ: []string{
		"VENTA_AUTH_DEVELOPMENT_KEYS=true", "OTEL_TRACES_SAMPLER=parentbased_always_off",
	}})
	write(t, path, "logging: {level: info}\nallowed_origins: [https://b.example]\ntelemetry: {sample_ratio: 0.5}\n")
	r.logged(t, `telemetry: OTEL_TRACES_SAMPLER says 0[^\n]*`)
	if _, h, _ := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1", "Origin", "https://b.example"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Error("half of it is in force")
	}
}
