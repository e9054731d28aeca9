package export_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/telemetry/export"
)

func lookup(environ string) export.Lookup {
	values := map[string]string{}
	for entry := range strings.FieldsSeq(environ) {
		name, value, _ := strings.Cut(entry, "=")
		values["OTEL_"+name] = value
	}
	return func(name string) (string, bool) {
		value, ok := values[name]
		return value, ok
	}
}

func TestEnvironment(t *testing.T) {
	given := export.Config{ServiceName: "shop", Prometheus: true}
	configured := given
	configured.OTLPEndpoint, configured.SampleRatio, configured.SampleRatioGiven = "localhost:4317", 0.5, true
	propagators := func(names ...string) *[]string { return &names }
	tests := []struct {
		name    string
		config  export.Config
		environ string
		want    func(*export.Config) // from config
	}{
		{"nothing", configured, "", func(*export.Config) {}},
		{"a collector of all signals", given, "EXPORTER_OTLP_ENDPOINT=http://localhost:4318/otlp/", func(c *export.Config) {
			c.OTLPEndpoint, c.OTLPPath = "http://localhost:4318", "/otlp/v1/traces"
		}},
		{"a collector of traces", given, "EXPORTER_OTLP_ENDPOINT=http://a:1 EXPORTER_OTLP_TRACES_ENDPOINT=https://b:2", func(c *export.Config) {
			c.OTLPEndpoint, c.OTLPPath = "https://b:2", "/"
		}},
		{"a protocol", configured, "EXPORTER_OTLP_PROTOCOL=grpc EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf", func(c *export.Config) {
			c.OTLPProtocol = export.ProtocolHTTP
		}},
		{"a plain connection", given, "EXPORTER_OTLP_ENDPOINT=otel:4317 EXPORTER_OTLP_INSECURE=true", func(c *export.Config) {
			c.OTLPEndpoint, c.OTLPPath, c.OTLPInsecure = "otel:4317", "/v1/traces", true
		}},
		{"the same as configured", configured, "EXPORTER_OTLP_ENDPOINT=localhost:4317 TRACES_SAMPLER=parentbased_traceidratio TRACES_SAMPLER_ARG=0.5", func(c *export.Config) {
			c.OTLPPath = "/v1/traces"
		}},
		{"a sampler", given, "TRACES_SAMPLER=traceidratio TRACES_SAMPLER_ARG=0.25", func(c *export.Config) {
			c.SampleRatio, c.IgnoreParents = 0.25, true
		}},
		{"a sampler without its argument", given, "TRACES_SAMPLER=parentbased_traceidratio", func(c *export.Config) { c.SampleRatio = 1 }},
		{"an argument without its sampler", given, "TRACES_SAMPLER_ARG=0.25", func(*export.Config) {}},
		{"always", given, "TRACES_SAMPLER=parentbased_always_on TRACES_SAMPLER_ARG=7e-1", func(c *export.Config) { c.SampleRatio = 1 }},
		{"never", given, "TRACES_SAMPLER=always_off", func(c *export.Config) { c.IgnoreParents = true }},
		{"a name and attributes", given, "SERVICE_NAME=market RESOURCE_ATTRIBUTES=service.name=no,zone=a%20b,,=", nil},
		{"a name and attributes", given, "SERVICE_NAME=market RESOURCE_ATTRIBUTES=service.name=no,zone=a%20b", func(c *export.Config) {
			c.ServiceName, c.Attributes = "market", map[string]string{"zone": "a b"}
		}},
		{"propagators", given, "PROPAGATORS=tracecontext,baggage", func(c *export.Config) { c.Propagators = propagators("tracecontext", "baggage") }},
		{"no propagators", given, "PROPAGATORS=none", func(c *export.Config) { c.Propagators = propagators() }},
		{"no traces", given, "TRACES_EXPORTER=none EXPORTER_OTLP_ENDPOINT=localhost:4317", func(*export.Config) {}},
		{"off", configured, "SDK_DISABLED=true", func(c *export.Config) { c.OTLPEndpoint, c.Prometheus = "", false }},
		{"not off", configured, "SDK_DISABLED=FALSE", func(*export.Config) {}},

		{"another collector", configured, "EXPORTER_OTLP_ENDPOINT=localhost:4318", nil},
		{"no traces, and a collector", configured, "TRACES_EXPORTER=none", nil},
		{"another share", configured, "TRACES_SAMPLER=always_on", nil},
		{"another protocol", export.Config{OTLPProtocol: export.ProtocolGRPC}, "EXPORTER_OTLP_PROTOCOL=http/protobuf", nil},
		{"json", given, "EXPORTER_OTLP_PROTOCOL=http/json", nil},
		{"another exporter", given, "TRACES_EXPORTER=zipkin", nil},
		{"another sampler", given, "TRACES_SAMPLER=jaeger_remote", nil},
		{"another propagator", given, "PROPAGATORS=tracecontext,b3", nil},
		{"none and one", given, "PROPAGATORS=none,baggage", nil},
		{"too much", given, "TRACES_SAMPLER_ARG=1.5", nil},
		{"perhaps", given, "SDK_DISABLED=1", nil},
		{"no endpoint", given, "EXPORTER_OTLP_ENDPOINT=https://user@host:1", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.config.WithEnvironment(lookup(test.environ))
			if test.want == nil {
				if err == nil || !strings.Contains(err.Error(), "OTEL_") {
					t.Errorf("error %v", err)
				}
				return
			}
			want := test.config
			test.want(&want)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
}
