package process_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/process"
)

// TestCheckAndStartAgree holds that what config check accepts starts, and what it
// refuses does not, each with the same words.
func TestCheckAndStartAgree(t *testing.T) {
	dir := t.TempDir()
	certificate, key := pair(t, 1)
	_, otherKey := pair(t, 2)
	file := func(name, text string) string { return write(t, filepath.Join(dir, name), text) }
	good, goodKey := file("cert.pem", certificate), file("key.pem", key)
	var (
		foreign    = file("other.pem", otherKey)
		symmetric  = file("symmetric.json", `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"a","alg":"HS256"}]}`)
		algless    = file("algless.json", `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
		notKeys    = file("notkeys.json", `{"keys": 7}`)
		halfKeys   = file("halfkeys.json", `[{"id":"a"}]`)
		nowhere    = filepath.Join(dir, "nowhere")
		usableJWKS = file("jwks.json", jwks(t, opened(t)))
		emptyKeys  = file("emptykeys.json", `[]`)

		rolelessKeys = file("roleless.json", `[{"id":"a","subject":"a","roles":["admin"],"sha256":"`+strings.Repeat("0", 64)+`"}]`)
	)
	tests := []struct {
		name, config string
		want         string // "": it starts
	}{
		{"nothing", "", "auth.jwks_file: there are no keys"},
		{"keys of its own", "auth: {development_keys: true}", ""},
		{"tls", "http_listener: {tls: {cert_file: " + good + ", key_file: " + goodKey + "}}", ""},
		{"keys", "auth: {jwks_file: " + usableJWKS + ", issuer: i, api_keys_file: " + emptyKeys + "}", ""},
		{"ports alone", "http: :0\nadmin: :0", "shop.yaml:2:8: admin: other machines reach this address, and no token is asked for"},
		{"another address", "http: :0\nadmin: 10.0.0.1:0", "admin: other machines"},
		{"metrics alone", "http: :0\nadmin: :0\nadmin_access: {open_metrics: true}", "admin: other machines"},
		{"ports alone, open", "http: :0\nadmin: :0\nadmin_access: {open: true}", ""},
		{"tokens", "http: :0\nadmin: :0\nadmin_access: {tokens_file: " + emptyKeys + "}", ""},
		{"loopback of IPv6", "http: 127.0.0.1:0\nadmin: '[::1]:0'", ""},
		{"tokens that are none", "admin_access: {tokens_file: " + notKeys + "}", "admin_access.tokens_file: admin tokens"},
		{"tokens without a role", "admin_access: {tokens_file: " + rolelessKeys + "}", "admin_access.tokens_file: admin tokens"},
		{"health in place of a route", "health: {on_http: true}", ""},
		{"a critical dependency that is none", "health: {critical: [order]}", "health.critical[0]"},
		{"origin with a path", "allowed_origins: ['https://a.example/x']", "allowed_origins[0]"},
		{"origin with a slash", "allowed_origins: ['https://a.example/']", "allowed_origins[0]"},
		{"symmetric key", "auth: {issuer: i, jwks_file: " + symmetric + "}", "auth.jwks_file"},
		{"key without algorithm", "auth: {issuer: i, jwks_file: " + algless + "}", "auth.jwks_file"},
		{"no keys", "auth: {issuer: i, jwks_file: " + notKeys + "}", "auth.jwks_file"},
		{"missing keys", "auth: {issuer: i, jwks_file: " + nowhere + "}", "auth.jwks_file"},
		{"missing API keys", "auth: {development_keys: true, api_keys_file: " + nowhere + "}", "auth.api_keys_file"},
		{"wrong API keys", "auth: {development_keys: true, api_keys_file: " + halfKeys + "}", "auth.api_keys_file"},
		{"missing certificate", "http_listener: {tls: {cert_file: " + nowhere + ", key_file: " + goodKey + "}}", "http_listener.tls.cert_file"},
		{"another's key", "admin_listener: {tls: {cert_file: " + good + ", key_file: " + foreign + "}}", "admin_listener.tls"},
		{"equal addresses", "http: 127.0.0.1:18080\nadmin: 127.0.0.1:18080", "admin"},
		{"xds without bootstrap", "upstreams: {orders: {target: 'xds:///orders'}}", "upstreams.orders"},
		{"a URL as target", "upstreams: {orders: {target: 'http://orders:80'}}", "upstreams.orders"},
		{"unknown upstream", "upstreams: {order: {target: 'orders:80'}}", "orders"},
		{"the old form", "upstreams: {orders: 'orders:80'}", "target"},
		{"missing authorities", "upstreams: {orders: {connection: {tls: {ca_file: " + nowhere + "}}}}", "upstreams.orders.connection.tls.ca_file"},
		{"authorities that are none", "upstreams: {orders: {connection: {tls: {ca_file: " + notKeys + "}}}}", "upstreams.orders"},
		{"redis' authorities that are none", "redis: {addresses: ['127.0.0.1:9'], tls: {ca_file: " + notKeys + "}}", "redis.tls"},
		{"no such RPC", "overrides: [{methods: a.B/C, policy: {timeout: {duration: 1s}}}]", "override of a.B/C"},
		{"shared limit without Redis", "overrides: [{methods: '**', policy: {rate_limits: [{requests: 1, interval: 1s, scope: shared, key: {global: true}, on_store_failure: local}]}}]", "shop.yaml:1:13: override of **: rate_limits: limit"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := test.config
			environ := []string{}
			if !strings.Contains(config, "auth:") && test.name != "nothing" {
				environ = append(environ, "VENTA_AUTH_DEVELOPMENT_KEYS=true")
			}
			if !strings.Contains(config, "http:") || !strings.Contains(config, "admin:") {
				environ = append(environ, "VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=127.0.0.1:0")
			}
			path := write(t, filepath.Join(t.TempDir(), "shop.yaml"), config+"\n")
			_, _, checked := execute(t, shop(bearer), environ, "config", "check", path)
			started := startsAndEnds(t, path, environ)
			for by, err := range map[string]error{"check": checked, "start": started} {
				switch {
				case test.want == "" && err != nil:
					t.Errorf("%s refuses it: %v", by, err)
				case test.want != "" && err == nil:
					t.Errorf("%s accepts it", by)
				case test.want != "" && !strings.Contains(err.Error(), test.want):
					t.Errorf("%s: no %q in %v", by, test.want, err)
				}
			}
			if checked != nil && started != nil && checked.Error() != started.Error() {
				t.Errorf("they differ:\ncheck: %v\nstart: %v", checked, started)
			}
		})
	}
}

// startsAndEnds serves a configuration and ends at once.
func startsAndEnds(t *testing.T, path string, environ []string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	return process.Run(ctx, shop(bearer), process.Options{
		ConfigFile: path, Environ: environ, Data: t.TempDir(),
		OnStart: func(process.Started) error { cancel(); return nil },
	})
}

func TestCheckWithoutFiles(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "shop.yaml"), `auth: {jwks_file: /run/jwks.json, issuer: i, api_keys_file: /run/keys.json}
http_listener: {tls: {cert_file: /run/cert.pem, key_file: /run/key.pem}}
redis: {addresses: ["redis:6379"], password_file: /run/redis}
upstreams: {orders: {target: "xds:///orders", connection: {tls: {ca_file: /run/ca.pem}}}}
`)
	p := shop(&policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}})
	if _, _, err := execute(t, p, nil, "config", "check", path); err == nil {
		t.Error("with files: accepted")
	}
	stdout, stderr, err := execute(t, p, nil, "config", "check", "--no-files", path)
	if err != nil || stdout != "ok\n" {
		t.Fatalf("%q %v", stdout, err)
	}
	for _, field := range []string{"auth.jwks_file", "auth.api_keys_file", "http_listener.tls.cert_file", "redis.password_file", "upstreams.orders.connection.tls.ca_file"} {
		if !strings.Contains(stderr, field) {
			t.Errorf("%s is not among what was left out: %s", field, stderr)
		}
	}
}

// TestVerifiersOfFiles holds that a program whose verifiers need a file can be asked
// without it.
func TestVerifiersOfFiles(t *testing.T) {
	missing := errors.New("no keys")
	p := shop(&policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}})
	p.Verifier = func(*config.Loaded) (auth.Verifier, error) { return nil, missing }
	p.APIKeys = func(*config.Loaded) (auth.KeyVerifier, error) { return nil, missing }
	path := write(t, filepath.Join(t.TempDir(), "shop.yaml"), "logging: {level: info}\n")
	if _, _, err := execute(t, p, nil, "config", "check", path); err == nil || !strings.Contains(err.Error(), "no keys") {
		t.Errorf("with files: %v", err)
	}
	for _, args := range [][]string{{"config", "check", "--no-files", path}, {"policy", "list"}} {
		if _, _, err := execute(t, p, nil, args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestCheckPointsAtOverridesThatEnd(t *testing.T) {
	entry := func(at time.Time) string {
		return "  - {methods: '**', policy: {timeout: {duration: 1s}}, expires: " + at.UTC().Format(`"2006-01-02T15:04:05Z"`) + "}\n"
	}
	path := write(t, filepath.Join(t.TempDir(), "shop.yaml"), "overrides:\n"+
		entry(time.Now().Add(-time.Hour))+entry(time.Now().Add(time.Hour))+entry(time.Now().Add(48*time.Hour)))
	stdout, stderr, err := execute(t, shop(nil), nil, "config", "check", path)
	if err != nil || stdout != "ok\n" {
		t.Fatalf("%q %v", stdout, err)
	}
	if !strings.Contains(stderr, "shop.yaml:2") || !strings.Contains(stderr, "shop.yaml:3") || strings.Contains(stderr, "shop.yaml:4") {
		t.Errorf("notes: %s", stderr)
	}
}
