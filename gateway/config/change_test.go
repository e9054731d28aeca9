package config_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/venta-hq/venta/gateway/config"
)

// TestChanges holds changes to their lines.
func TestChanges(t *testing.T) {
	const entry = `{methods: "a.B/C", policy: {timeout: {duration: 1s}}}`
	tests := []struct {
		name, before, after string
		want                []string
	}{
		{"nothing", "http: a:1", "# a comment\nhttp: 'a:1'", nil},
		{"a word", "logging: {level: info}", "logging: {level: debug}", []string{"logging.level: LEVEL_INFO -> LEVEL_DEBUG"}},
		{"all kinds", "", "http: ':80'\ncache: {remote: true, max_bytes: 2Mi}\nredis: {addresses: ['a:1'], db: 2}\ntelemetry: {sample_ratio: 0.5, otlp_endpoint: 'a:1'}\nshutdown: {delay: 1m}", []string{
			"cache.max_bytes: 67108864 -> 2097152",
			"cache.remote: false -> true",
			"http: 127.0.0.1:8080 -> :80",
			"redis.addresses: none -> [a:1]",
			"redis.db: 0 -> 2",
			"shutdown.delay: 5s -> 1m",
			"telemetry.otlp_endpoint: none -> a:1",
			"telemetry.sample_ratio: 0 -> 0.5",
		}},
		{"a list of values", "trusted_proxies: ['::1']", "trusted_proxies: ['::1', 10.0.0.0/8]", []string{"trusted_proxies: [::1] -> [::1, 10.0.0.0/8]"}},
		{"a block that comes", "", "redis: {tls: {server_name: a}}", []string{"redis.tls: none -> {server_name: a}"}},
		{"a block that goes", "redis: {tls: {}}", "", []string{"redis.tls: {} -> none"}},
		{"a text that needs quotes", "auth: {audience: a}", "auth: {audience: 'a, b'}", []string{`auth.audience: a -> "a, b"`}},
		{"a long value", "auth: {audience: a}", "auth: {audience: " + strings.Repeat("b", 200) + "}", []string{"auth.audience: a -> " + strings.Repeat("b", 80) + "..."}},
		{"a secret", "redis: {password: a}", "redis: {password: " + secret + "}", []string{"redis.password: changed"}},
		{"a secret that comes", "", "redis: {password: " + secret + "}", []string{"redis.password: none -> [redacted]"}},
		{"a variable", "http: a:1", "http: '${ADDRESS}'", []string{"http: a:1 -> [variable]"}},
		{"a variable in a list", "trusted_proxies: []", "trusted_proxies: ['::1', '${PROXY}']", []string{"trusted_proxies: none -> [::1, [variable]]"}},
		{"a value that may hold a secret", "auth: {issuer: a}", "auth: {issuer: 'https://user:" + secret + "@a'}", []string{"auth.issuer: a -> [redacted]"}},
		{"one upstream", "upstreams: {users: {target: a:1}}", "upstreams: {users: {target: b:2}}", []string{"upstreams.users.target: a:1 -> b:2"}},
		{"what is written out and in force already", "", "upstreams: {users: {target: '127.0.0.1:9002', connection: {idle_timeout: 30m}}}", nil},
		{"default", "", "upstreams: {default: {connection: {idle_timeout: 1h}}, users: {connection: {idle_timeout: 30m}}}", []string{
			"upstreams.geo.v1.connection.idle_timeout: 30m -> 1h",
		}},
		{"a field of an override", "overrides: [" + entry + "]", "overrides: [" + strings.Replace(entry, "1s", "2s", 1) + "]", []string{"overrides[0].policy.timeout.duration: 1s -> 2s"}},
		{"an override that comes first", "overrides: [" + entry + "]", "overrides: [{methods: '**', policy: {retry: {disabled: true}}}, " + entry + "]", []string{`overrides[0]: none -> {methods: **, policy: {retry: {disabled: true}}}`}},
		{"an override that goes", "overrides: [{methods: '**', policy: {retry: {disabled: true}}}, " + entry + ", " + entry + "]", "overrides: [" + entry + ", " + entry + "]", []string{`overrides[0]: {methods: **, policy: {retry: {disabled: true}}} -> none`}},
		{"a block of an override", "overrides: [" + entry + "]", "overrides: [{methods: 'a.B/C', policy: {retry: {max_attempts: 3}}, reason: why}]", []string{
			"overrides[0].policy.timeout: {duration: 1s} -> none",
			"overrides[0].policy.retry: none -> {max_attempts: 3}",
			"overrides[0].reason: none -> why",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			read := func(text string) *config.Loaded {
				return load(t, config.Options{
					File: write(t, text), Environ: []string{"ADDRESS=b:1", "PROXY=::2"},
					Upstreams: map[string]string{"users": "127.0.0.1:9002", "geo.v1": "127.0.0.1:9003"},
				})
			}
			got := changeLines(config.Changed(read(test.before), read(test.after)))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			noSecret(t, strings.Join(got, "\n"))
		})
	}
}

func changeLines(changes []config.Change) []string {
	var lines []string
	for _, change := range changes {
		lines = append(lines, change.String())
	}
	return lines
}

func TestChangedContents(t *testing.T) {
	key, other := write(t, "one"), write(t, "one")
	options := withDatabase(t, "redis: {password_file: "+key+"}\ndatabase: {replicas: [{password: a, ca_file: "+key+"}], script_file: ["+key+"]}\nupstreams: {default: {connection: {tls: {ca_file: "+key+"}}}}")
	options.Upstreams = map[string]string{"users": "a:1"}
	before := load(t, options)
	must(t, os.WriteFile(key, []byte(secret), 0o600))
	after := load(t, options)
	want := []string{
		"database.replicas[0].ca_file: content changed",
		"database.script_file[0]: content changed",
		"redis.password_file: content changed",
		"upstreams.users.connection.tls.ca_file: content changed",
	}
	if diff := cmp.Diff(want, changeLines(config.Changed(before, after))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	options.File = write(t, strings.ReplaceAll(strings.Replace(readAll(t, options.File), "password: a", "password: "+secret, 1), "password_file: "+key, "password_file: "+other))
	want = []string{"database.replicas[0].password: changed", "redis.password_file: " + key + " -> " + other}
	if diff := cmp.Diff(want, changeLines(config.Changed(after, load(t, options)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func TestNotices(t *testing.T) {
	path := write(t, `
overrides:
  - {methods: 'a.B/C', expires: "2026-06-01T12:00:00Z", policy: {timeout: {duration: 1s}}}
  - {methods: 'a.B/D', expires: "2026-06-02T11:00:00+01:00", policy: {timeout: {duration: 1s}}}
  - {methods: 'a.B/E', expires: "2026-06-03T12:00:00Z", policy: {timeout: {duration: 1s}}}
  - {methods: '**', policy: {timeout: {duration: 1s}}}
`)
	var got []string
	for _, notice := range load(t, config.Options{File: path}).Notices(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)) {
		got = append(got, strings.ReplaceAll(notice.Error(), path, ""))
	}
	want := []string{
		":3:33: overrides[0].expires: the override of a.B/C has expired; remove it",
		":4:33: overrides[1].expires: the override of a.B/D expires in 22h",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWhatTheStartWouldRefuse: check and start agree.
func TestWhatTheStartWouldRefuse(t *testing.T) {
	tests := []struct{ text, want string }{
		{"http: ':8080'\nadmin: ':8081'", ""},
		{"http: 127.0.0.1:0\nadmin: 127.0.0.1:0", ""},
		{"http: 127.0.0.1:80\nadmin: 127.0.0.2:80", ""},
		{"http: a:80\nadmin: b:80", ""},
		{"http: 127.0.0.1:80\nadmin: 127.0.0.1:80", ":2:8: admin: is the address of http, too; give it another port"},
		{"http: ':80'\nadmin: 127.0.0.1:80", ":2:8: admin: is the address of http, too; give it another port"},
		{"http: localhost:80\nadmin: '[::]:80'", ":2:8: admin: is the address of http, too; give it another port"},
		{"http: LOCALHOST:80\nadmin: 127.0.0.1:80", ":2:8: admin: is the address of http, too; give it another port"},
		{"http: 127.0.0.1:8081", ":1:1: admin: is the address of http, too; give it another port"},
		{"http: ':x'", `:1:7: http: must be HOST:PORT, not ":x"`},
		{"http: ':70000'", `:1:7: http: must be HOST:PORT, not ":70000"`},
		{"http: ':'", `:1:7: http: must be HOST:PORT, not ":"`},
		{"allowed_origins: ['https://a', 'http://a.b:8080', 'http://[::1]:80', 'chrome-extension://abc']", ""},
		{"allowed_origins: ['https://a/']", ":1:19: allowed_origins[0]: must be SCHEME://HOST[:PORT] in lower case, without a path, a slash at its end or a wildcard"},
		{"allowed_origins: ['https://a/b']", ":1:19: allowed_origins[0]: must be SCHEME://HOST[:PORT] in lower case, without a path, a slash at its end or a wildcard"},
		{"allowed_origins: ['https://a?b']", ":1:19: allowed_origins[0]: must be SCHEME://HOST[:PORT] in lower case, without a path, a slash at its end or a wildcard"},
		{"allowed_origins: ['https://u:p@a']", ":1:19: allowed_origins[0]: must be SCHEME://HOST[:PORT] in lower case, without a path, a slash at its end or a wildcard"},
		{"allowed_origins: ['*']", ":1:19: allowed_origins[0]: must be SCHEME://HOST[:PORT] in lower case, without a path, a slash at its end or a wildcard"},
		{"allowed_origins: [a.example]", ":1:19: allowed_origins[0]: must be SCHEME://HOST[:PORT] in lower case, without a path, a slash at its end or a wildcard"},
		{"http_listener: {tls: {cert_file: a}}", ":1:17: http_listener.tls.key_file: value is required"},
		{"upstreams: {default: {connection: {tls: {key_file: a}}}}", ":1:36: upstreams.default.connection.tls: cert_file and key_file need each other; give both or neither"},
	}
	for _, test := range tests {
		path := write(t, test.text)
		_, err := config.Load(config.Options{File: path, NoFiles: true})
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), path, "")
		}
		if got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
	_, err := config.Load(config.Options{Environ: []string{"VENTA_HTTP_LISTENER_TLS_CERT_FILE=/a"}, NoFiles: true})
	if want := "VENTA_HTTP_LISTENER_TLS_CERT_FILE: http_listener.tls.key_file: value is required"; err == nil || err.Error() != want {
		t.Errorf("half of a pair in the environment: %v", err)
	}
}
