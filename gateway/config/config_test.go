package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/config"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "venta.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	c, err := config.Load("")
	if err != nil {
		t.Fatal(err)
	}
	if c.GetHttp() != "127.0.0.1:8080" || c.GetAdmin() != "127.0.0.1:8081" || c.GetUpstreams().GetUser() != "127.0.0.1:9002" {
		t.Errorf("defaults: %v", c)
	}
}

func TestLoad(t *testing.T) {
	c, err := config.Load(write(t, `
http: "[::1]:80"
trusted_proxies: ["10.0.0.1", "fd00::/8"]
allowed_origins: ["https://venta.example"]
upstreams:
  vendor: dns:///vendor:9001
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.GetHttp() != "[::1]:80" || c.GetUpstreams().GetVendor() != "dns:///vendor:9001" || c.GetUpstreams().GetUser() != "127.0.0.1:9002" {
		t.Errorf("loaded: %v", c)
	}
	got, err := config.TrustedProxies(c)
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("fd00::/8")}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("proxies (-want +got):\n%s", diff)
	}
}

func TestLoadRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"unknown field", "htpp: x", []string{"venta.yaml:1:1", "htpp"}},
		{"no YAML", "http: [", []string{"venta.yaml"}},
		{"address without a port", "http: localhost", []string{"venta.yaml:1", "HOST:PORT"}},
		{"every fault at once", "admin: x\ntrusted_proxies: [y]\ncache:\n  max_bytes: 1\n", []string{":1:", ":2:", ":4:"}},
		{"keys without an issuer", "auth:\n  jwks_file: keys.json", []string{"auth.issuer"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := config.Load(write(t, test.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
		})
	}
}
