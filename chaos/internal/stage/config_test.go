package stage_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/venta-hq/venta/chaos/internal/stage"
	"github.com/venta-hq/venta/gateway/config"
)

func TestConfigurationsAreValid(t *testing.T) {
	tests := []struct {
		name   string
		config stage.Config
	}{
		{"the least", stage.Config{Vendor: "127.0.0.1:9001"}},
		{"everything", stage.Config{
			Vendor: "static:///127.0.0.1:9001,127.0.0.1:9002", Connection: "{keepalive_time: 10s}", Shutdown: "{delay: 1s}",
			Overrides: []stage.Override{
				{Method: "*", Policy: "{timeout: {duration: 1s}}"},
				{Method: "GetVendor", Policy: "{cache: {disabled: true}}"},
			},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "venta.yaml")
			if err := os.WriteFile(file, []byte(test.config.YAML()), 0o600); err != nil {
				t.Fatal(err)
			}
			loaded, err := config.Load(config.Options{File: file, Upstreams: map[string]string{"vendor": "", "user": "127.0.0.1:1", "location": "127.0.0.1:1"}})
			if err != nil {
				t.Fatalf("%v\n%s", err, test.config.YAML())
			}
			if got := loaded.Upstream("vendor").GetTarget(); got != test.config.Vendor {
				t.Errorf("vendor %q", got)
			}
			if got := len(loaded.Config.GetOverrides()); got != len(test.config.Overrides) {
				t.Errorf("%d overrides", got)
			}
		})
	}
}
