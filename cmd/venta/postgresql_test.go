package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/internal/postgrestest"
)

// TestDevOnPostgreSQL runs the whole system on a real server, by a URL without the
// password, which is in a file; the server crashes and comes back.
func TestDevOnPostgreSQL(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	secretFile := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secretFile, []byte(postgrestest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(server.Database(t), ":"+postgrestest.Password+"@", "@", 1)
	data := t.TempDir()
	p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data, "--config",
		configFile(t, fmt.Sprintf("database: {url: %q, password_file: %s, pool_size: 3}\n", url, secretFile)))
	c := newClient(p.address(t, `REST on (http://\S+) `), token(t, data, "ada"), "127.0.0.2")
	ops := newClient(p.address(t, `health on (http://\S+) `), "", "127.0.0.2")
	shows := func(path, what string) {
		t.Helper()
		if !poll(t, time.Minute, 50*time.Millisecond, func() bool { return strings.Contains(ops.do(t, http.MethodGet, path, "").body, what) }) {
			t.Fatalf("%s never has %s", path, what)
		}
	}
	create := func() response {
		return c.do(t, http.MethodPost, "/v2/vendors", `{"name":"Tacos","email":"ada@example.com"}`)
	}
	if got := create(); got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if _, err := os.Stat(filepath.Join(data, "venta.db")); err == nil {
		t.Error("there is a file, too")
	}
	shows("/metrics", `db_client_connection_max{db_client_connection_pool_name="postgresql"`)
	shows("/health", `"vendor":"ok"`)

	server.Down()
	if got := create(); got.status != http.StatusServiceUnavailable || strings.Contains(got.body, server.Addr) || strings.Contains(got.body, "SQL") {
		t.Errorf("%d %s", got.status, got.body)
	}
	shows("/health", `"services":{"location":"unavailable","user":"unavailable","vendor":"unavailable"}`)
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	shows("/health", `"services":{"location":"ok","user":"ok","vendor":"ok"}`)
	if !poll(t, time.Minute, 50*time.Millisecond, func() bool { return create().status == http.StatusCreated }) {
		t.Error("nothing is created after the crash")
	}
	if got := c.do(t, http.MethodGet, "/v1/users/me/vendors", ""); strings.Count(got.body, `"Tacos"`) != 2 {
		t.Errorf("what was created: %s", got.body)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, text := range []string{p.stdout.String(), p.stderr.String()} {
		if strings.Contains(text, postgrestest.Password) {
			t.Errorf("the password is written: %s", text)
		}
	}
}

// TestWrongDatabases holds that every fault is found before the start, without the
// secrets.
func TestWrongDatabases(t *testing.T) {
	t.Parallel()
	const hidden = "hidden-in-the-url"
	tests := map[string][]string{
		"{url: 'mysql://u:" + hidden + "@h/n'}":              {"database.url: must be the URL of a PostgreSQL database"},
		"{url: 'postgres://u:" + hidden + "@h/n?sslmode=x'}": {":1:17: database.url: cannot be used: sslmode is invalid"},
		"{url: 'postgres://u@h/n', path: x, pool_size: 21, idle_timeout: 0s, connect_timeout: 2h, password: " + hidden + ", password_file: /nowhere}": {
			"path and url exclude each other", "database.pool_size: must be", "database.idle_timeout: must be",
			"database.connect_timeout: must be", "password and password_file exclude each other", "database.password_file: cannot be read",
		},
		"{url: 'postgres://u:" + hidden + "@h/n', password: " + hidden + "}": {"url has a password, and"},
		"{password: " + hidden + "}":                                         {"a password needs url"},
		"{pool_size: 0}":                                                     {"database.pool_size: must be"},
	}
	for text, wants := range tests {
		_, stderr, code := finished(t, nil, "config", "check", "--dev-keys", configFile(t, "database: "+text+"\n"))
		for _, want := range wants {
			if code != 1 || !strings.Contains(stderr, want) {
				t.Errorf("%s: %d, no %q in %s", text, code, want, stderr)
			}
		}
		if strings.Contains(stderr, hidden) {
			t.Errorf("the secret is shown: %s", stderr)
		}
	}
}
