package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/config"
)

func TestPrecedence(t *testing.T) {
	file := write(t, "http: file:1\nadmin: file:2\nupstreams: {vendor: {target: file:3}}\n")
	loaded := load(t, config.Options{
		File:      file,
		Upstreams: map[string]string{"vendor": "", "my-user.v1": "", "location": "127.0.0.1:9003"},
		Environ:   []string{"VENTA_ADMIN=env:2", "VENTA_UPSTREAMS_VENDOR_TARGET=env:3", "VENTA_UPSTREAMS_MY_USER_V1_TARGET=env:4", "VENTA_HTTP="},
		Flags: []config.Setting{
			{From: "--upstream vendor", Field: "upstreams.vendor.target", Value: "127.0.0.2:3"},
			{From: "--upstream my-user.v1", Field: "upstreams.my-user.v1.target", Value: ""},
		},
	})
	c := loaded.Config
	got := []string{
		c.GetHttp(), loaded.Source("http").String(),
		c.GetAdmin(), loaded.Source("admin").String(),
		loaded.Upstream("vendor").GetTarget(), loaded.Source("upstreams.vendor.target").String(),
		loaded.Upstream("my-user.v1").GetTarget(), loaded.Source("upstreams.my-user.v1.target").String(),
		loaded.Upstream("location").GetTarget(), loaded.Source("upstreams.location.target").String(),
	}
	want := []string{"file:1", file + ":1:7", "env:2", "VENTA_ADMIN", "127.0.0.2:3", "--upstream vendor", "env:4", "VENTA_UPSTREAMS_MY_USER_V1_TARGET", "127.0.0.1:9003", file + ":3:1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEnvironment(t *testing.T) {
	ca := write(t, "authorities")
	c := load(t, config.Options{Environ: []string{
		"PATH=/bin", "HOME",
		"VENTA_REDIS_ADDRESSES=a:1, b:2", "VENTA_REDIS_MODE=cluster", "VENTA_REDIS_TLS_CA_FILE=" + ca,
		"VENTA_CACHE_MAX_BYTES=2Mi", "VENTA_SHUTDOWN_DELAY=3s", "VENTA_TELEMETRY_SAMPLE_RATIO=0.5", "VENTA_CACHE_REMOTE=true",
		// What Kubernetes sets for Services named venta and venta-vendor.
		"VENTA_SERVICE_HOST=10.0.0.1", "VENTA_SERVICE_PORT=80", "VENTA_SERVICE_PORT_HTTP=80", "VENTA_PORT=tcp://10.0.0.1:80",
		"VENTA_PORT_80_TCP=tcp://10.0.0.1:80", "VENTA_PORT_80_TCP_ADDR=10.0.0.1", "VENTA_VENDOR_SERVICE_HOST=10.0.0.2",
	}}).Config
	got := []any{
		c.GetRedis().GetAddresses(), c.GetRedis().GetMode().String(), c.GetRedis().GetTls().GetCaFile(),
		c.GetCache().GetMaxBytes(), c.GetShutdown().GetDelay().AsDuration().String(), c.GetTelemetry().GetSampleRatio(), c.GetCache().GetRemote(),
	}
	want := []any{[]string{"a:1", "b:2"}, "MODE_CLUSTER", ca, int64(2 << 20), "3s", 0.5, true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFaultsOutsideOfTheFile(t *testing.T) {
	_, err := config.Load(config.Options{
		Environ: []string{"VENTA_REDIS_PASWORD=hunter2", "VENTA_COLOUR=red", "VENTA_CACHE_MAX_BYTES=2MB", "VENTA_SHUTDOWN_DELAY=1h", "VENTA_TRUSTED_PROXIES=::1,x"},
		Flags:   []config.Setting{{From: "--http", Field: "http", Value: "nowhere"}},
	})
	want := []string{
		`--http: http: must be HOST:PORT, not "nowhere"`,
		`VENTA_CACHE_MAX_BYTES: cache.max_bytes: must be a number of bytes such as 65536, 64Ki, 64Mi or 1Gi, not "2MB"`,
		`VENTA_COLOUR: no field belongs to this variable; correct its name or remove it`,
		`VENTA_REDIS_PASWORD: no field belongs to this variable; did you mean VENTA_REDIS_PASSWORD?`,
		`VENTA_SHUTDOWN_DELAY: shutdown.delay: must be greater than or equal to 0s and less than or equal to 300s`,
		`VENTA_TRUSTED_PROXIES: trusted_proxies[1]: must be an IP address or a CIDR block`,
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVariables(t *testing.T) {
	tests := []struct{ text, want string }{
		{"plain", "plain"},
		{"${NAME}", "value"},
		{"a-${NAME}-${NAME}", "a-value-value"},
		{"${EMPTY}x", "x"},
		{"${EMPTY:-text}", "text"},
		{"${UNSET:-text}", "text"},
		{"${UNSET:-}x", "x"},
		{"${NAME:-text}", "value"},
		{"$${NAME}", "${NAME}"},
		{"$$${NAME}", "$${NAME}"},
		{"$NAME $ {NAME}", "$NAME $ {NAME}"},
		// What a variable holds is text, never more of the configuration.
		{"${NESTED}", "${NAME}"},
		{"${YAML}", "x\", admin: \"evil:1\nadmin: evil:2 # "},
	}
	environ := []string{"NAME=value", "EMPTY=", "NESTED=${NAME}", "YAML=x\", admin: \"evil:1\nadmin: evil:2 # "}
	for _, test := range tests {
		loaded := load(t, config.Options{File: write(t, `auth: {audience: "`+test.text+`"}`), Environ: environ})
		if got := loaded.Config.GetAuth().GetAudience(); got != test.want {
			t.Errorf("%s: %q, want %q", test.text, got, test.want)
		}
		if got := loaded.Config.GetAdmin(); got != "127.0.0.1:8081" {
			t.Errorf("%s: admin is %q", test.text, got)
		}
	}
}

func TestVariablesOfOtherTypes(t *testing.T) {
	c := load(t, config.Options{
		File:    write(t, "cache: {max_bytes: '${BYTES}', remote: '${NO}'}\nshutdown: {delay: \"${DELAY:-2s}\"}\nlogging: {level: '${LEVEL}'}\ntrusted_proxies: ['${PROXY}']"),
		Environ: []string{"BYTES=3Mi", "NO=false", "LEVEL=debug", "PROXY=::1"},
	}).Config
	got := []any{c.GetCache().GetMaxBytes(), c.GetShutdown().GetDelay().AsDuration().String(), c.GetLogging().GetLevel().String(), c.GetTrustedProxies()}
	if diff := cmp.Diff([]any{int64(3 << 20), "2s", "LEVEL_DEBUG", []string{"::1"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
