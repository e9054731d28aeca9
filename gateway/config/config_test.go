package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/venta-hq/venta/gateway/config"
	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "venta.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, o config.Options) *config.Loaded {
	t.Helper()
	loaded, err := config.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestDefaults(t *testing.T) {
	c := config.Defaults()
	connection := c.GetUpstreams()["default"].GetConnection()
	got := []any{
		c.GetHttp(), c.GetUpstreams()["default"].GetTarget(), connection.GetKeepaliveTime().AsDuration(),
		c.GetHttpListener().GetReadHeaderTimeout().AsDuration(), c.GetCache().GetMaxBytes(), c.GetRedis().GetMode(),
		c.GetLogging().GetLevel(), c.GetShutdown().GetDrainTimeout().AsDuration(), connection.GetTls() == nil,
	}
	want := []any{
		"127.0.0.1:8080", "", 5 * time.Minute,
		5 * time.Second, int64(64 << 20), configv1.Redis_MODE_SINGLE,
		configv1.Logging_LEVEL_INFO, 10 * time.Second, true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLoad(t *testing.T) {
	loaded := load(t, config.Options{Upstreams: map[string]string{"orders": ""}, File: write(t, `
http: "[::1]:80"
trusted_proxies: ["10.0.0.1", "fd00::/8"]
upstreams:
  orders: {target: dns:///orders:9001}
cache: {max_bytes: 2Mi}
redis: {mode: MODE_CLUSTER, addresses: ["a:1", "b:2"]}
logging: {level: warn}
overrides:
  - methods: venta.vendor.v2.VendorService/*
    policy:
      timeout: {duration: 2s}
      rate_limits:
        - {requests: 5, interval: 1s, key: {header: X-Key}, mode: shadow}
      retry: {max_attempts: 3, retryable_status_codes: [unavailable, ABORTED]}
    expires: 2027-02-28T23:00:00+01:00
`)})
	want := config.Defaults()
	want.Http, want.TrustedProxies = "[::1]:80", []string{"10.0.0.1", "fd00::/8"}
	want.Upstreams["orders"] = proto.CloneOf(want.GetUpstreams()["default"])
	want.Upstreams["orders"].Target = "dns:///orders:9001"
	want.Cache.MaxBytes = 2 << 20
	want.Redis.Mode, want.Redis.Addresses = configv1.Redis_MODE_CLUSTER, []string{"a:1", "b:2"}
	want.Logging.Level = configv1.Logging_LEVEL_WARN
	if diff := cmp.Diff(want, loaded.Config, protocmp.Transform(), protocmp.IgnoreFields(&configv1.Config{}, "overrides")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p := loaded.Config.GetOverrides()[0].GetPolicy()
	if got := p.GetTimeout().GetDuration() + p.GetRateLimits()[0].GetKey().GetHeader() + p.GetRateLimits()[0].GetMode().String(); got != "2sX-KeyMODE_SHADOW" {
		t.Errorf("policy %q", got)
	}
	if got := loaded.Source("overrides[0].policy.retry.max_attempts").Line; got != 15 {
		t.Errorf("max_attempts in line %d", got)
	}
	if got := loaded.Source("overrides[0].policy.hedge").Line; got != 11 {
		t.Errorf("what is not written has the position of its block, not line %d", got)
	}
	if got := loaded.Source("shutdown.delay").String(); got != "default" {
		t.Errorf("a default of the file: %v", got)
	}
}

func TestTrustedProxies(t *testing.T) {
	got, err := config.TrustedProxies(&configv1.Config{TrustedProxies: []string{"10.0.0.1", "fd00::/8"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32"), netip.MustParsePrefix("fd00::/8")}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("proxies (-want +got):\n%s", diff)
	}
}

// TestFaults holds each fault to its whole line: position, field, what is wrong
// and what to do.
func TestFaults(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"unknown field", "htpp: x", []string{`:1:1: unknown field "htpp"; did you mean http?`}},
		{"another spelling", "httpListener: {}", []string{`:1:1: unknown field "httpListener"; did you mean http_listener?`}},
		{"unknown field of a block", "auth:\n  jwt: x", []string{`:2:3: auth: unknown field "jwt"; known are jwks_file, issuer, audience, api_keys_file, development_keys, token_type, algorithms`}},
		{"no YAML", "http: [", []string{`:1:1: not YAML: did not find expected node content`}},
		{"two documents", "http: a:1\n---\nhttp: b:2", []string{`:2:1: a second document; one file holds one configuration, remove the line "---"`}},
		{"no block", "[a]", []string{`:1:1: must be a block of fields`}},
		{"given twice", "http: a:1\nhttp: a:2", []string{`:2:1: http: given twice; keep one of the two`}},
		{"no value", "cache:", []string{`:1:1: cache: has no value; give it one, or remove the line`}},
		{"null in a list", "trusted_proxies: [~]", []string{`:1:19: trusted_proxies[0]: has no value; give it one, or remove it`}},
		{"alias", "http: &a a:1\nadmin: *a", []string{`:2:8: admin: an alias (*); aliases are not read, write the value out, or in quotes if it begins with *`}},
		{"alias without an anchor", "redis: {password: *p}", []string{`: not YAML: an alias without an anchor; put a value that begins with * or & in quotes`}},
		{"block where a value belongs", "http: {a: 1}", []string{`:1:7: http: must be one value`}},
		{"value where a list belongs", "allowed_origins: x", []string{`:1:18: allowed_origins: must be a list`}},
		{"value where a block belongs", "cache: x", []string{`:1:8: cache: must be a block of fields`}},
		{"address without a port", "http: localhost", []string{`:1:7: http: must be HOST:PORT, not "localhost"`}},
		{"empty address", `http: ""`, []string{`:1:7: http: must be HOST:PORT, not ""`}},
		{"no number", "redis: {db: one}", []string{`:1:13: redis.db: must be a whole number, not "one"`}},
		{"too large a number", "redis: {db: 99999999999}", []string{`:1:13: redis.db: must be a number of 32 bits, not "99999999999"`}},
		{"no bytes", "cache: {max_bytes: 64MB}", []string{`:1:20: cache.max_bytes: must be a number of bytes such as 65536, 64Ki, 64Mi or 1Gi, not "64MB"`}},
		{"too many bytes", "cache: {max_bytes: 9999999999Gi}", []string{`:1:20: cache.max_bytes: must be a number of 64 bits, not "9999999999Gi"`}},
		{"few bytes", "cache:\n  max_bytes: 1", []string{`:2:14: cache.max_bytes: must be greater than or equal to 1048576 and less than or equal to 1099511627776`}},
		{"no boolean", "cache: {remote: yes}", []string{`:1:17: cache.remote: must be true or false, not "yes"`}},
		{"no share", "telemetry: {sample_ratio: .inf}", []string{`:1:27: telemetry.sample_ratio: must be a number, not ".inf"`}},
		{"no duration", "shutdown: {delay: 5}", []string{`:1:19: shutdown.delay: must be a duration such as "250ms", "5s" or "1h30m", not "5"`}},
		{"long duration", "shutdown: {delay: 6m}", []string{`:1:19: shutdown.delay: must be greater than or equal to 0s and less than or equal to 300s`}},
		{"no such level", "logging: {level: loud}", []string{`:1:18: logging.level: must be one of debug, info, warn, error, not "loud"`}},
		{"unspecified", "logging: {level: LEVEL_UNSPECIFIED}", []string{`:1:18: logging.level: must not be in list [0]`}},
		{"keys without an issuer", "auth:\n  jwks_file: keys.json", []string{`:2:14: auth.jwks_file: needs auth.issuer; name the issuer of your tokens`}},
		{"signing keys without tokens", "identity: {signing_keys_file: a}", []string{`:1:31: identity.signing_keys_file: needs form token; write it, or remove the keys`}},
		{"no address of keys", "identity: {jwks_url: 'gateway:8081'}", []string{`:1:22: identity.jwks_url: must be https://HOST/PATH or http://HOST/PATH, not "gateway:8081"`}},
		{"long tokens", "identity: {lifetime: 2m}", []string{`:1:22: identity.lifetime: must be greater than or equal to 5s and less than or equal to 60s`}},
		{"half of a pair", "redis: {tls: {cert_file: a}}", []string{`:1:9: redis.tls: cert_file and key_file need each other; give both or neither`}},
		{"grace over drain", "shutdown: {stream_grace: 20s}", []string{`:1:1: shutdown: stream_grace is longer than drain_timeout; shorten it or give drain_timeout more time`}},
		{"sentinel without a master", "redis: {mode: sentinel, addresses: [a:1]}", []string{`:1:15: redis.mode: needs redis.master_name; name the master that the sentinels watch`}},
		{"remote without Redis", "cache: {remote: true}", []string{`:1:17: cache.remote: needs redis.addresses; say where Redis is, or remove it`}},
		{"unset variable", "http: ${NOWHERE}:80", []string{`:1:7: http: the environment variable NOWHERE is not set; set it, or write ${NOWHERE:-text} for a default`}},
		{"open variable", "http: ${NOWHERE", []string{`:1:7: http: "${" without "}"; write "$${" for the text itself`}},
		{"no variable", "http: ${a b}", []string{`:1:7: http: a variable is written ${NAME} or ${NAME:-text}; write "$${" for the text "${" itself`}},
		{"override without RPCs", "overrides: [{policy: {timeout: {duration: 1s}}}]", []string{`:1:13: overrides[0].methods: value is required`}},
		{"override without a policy", "overrides: [{methods: '**'}]", []string{`:1:13: overrides[0].policy: value is required`}},
		{"override without a block", "overrides: [{methods: '**', policy: {}}]", []string{`:1:29: overrides[0].policy: has no block; say what it overrides, or remove the entry`}},
		{"override of no RPC", "overrides: [{methods: 'a.B.C', policy: {timeout: {duration: 1s}}}]", []string{`:1:23: overrides[0].methods: must be PACKAGE.SERVICE/METHOD, PACKAGE.SERVICE/* or **, not "a.B.C"`}},
		{"no time", "overrides: [{methods: '**', policy: {timeout: {duration: 1s}}, expires: tomorrow}]", []string{`:1:73: overrides[0].expires: must be a time such as "2026-12-01T00:00:00Z", not "tomorrow"`}},
		{"31st of June", "overrides: [{methods: '**', policy: {timeout: {duration: 1s}}, expires: 2026-06-31T00:00:00Z}]", []string{`:1:73: overrides[0].expires: no such time; check the day, the hour and the offset`}},
		{"two sources of a key", "overrides: [{methods: '**', policy: {rate_limits: [{key: {global: true, header: x}}]}}]", []string{`:1:73: overrides[0].policy.rate_limits[0].key.header: given beside global; keep one of the two`}},
		{"every fault at once", "admin: x\ntrusted_proxies: [y]\ncaches: 1\ncache:\n  max_bytes: z\n", []string{
			`:1:8: admin: must be HOST:PORT, not "x"`,
			`:2:19: trusted_proxies[0]: must be an IP address or a CIDR block`,
			`:3:1: unknown field "caches"; did you mean cache?`,
			`:5:14: cache.max_bytes: must be a number of bytes such as 65536, 64Ki, 64Mi or 1Gi, not "z"`,
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.text)
			_, err := config.Load(config.Options{File: path, NoFiles: true})
			if err == nil {
				t.Fatal("no error")
			}
			got := strings.Split(strings.ReplaceAll(err.Error(), path, ""), "\n")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	big := write(t, strings.Repeat("#", 1<<20+1))
	for _, path := range []string{"/nonexistent.yaml", t.TempDir(), big} {
		if _, err := config.Load(config.Options{File: path}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestEmptyFilesSayNothing(t *testing.T) {
	for _, text := range []string{"", "\n", "# a comment\n", "---\n", "---\n...\n", "~"} {
		if got := load(t, config.Options{File: write(t, text)}).Config; !cmp.Equal(config.Defaults(), got, protocmp.Transform()) {
			t.Errorf("%q: %v", text, got)
		}
	}
}
