package main_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStartFailsWithOneClearLine(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { busy.Close() })
	config := func(text string) string {
		path := filepath.Join(t.TempDir(), "venta.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	unreadable := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(unreadable, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	free := []string{"--http", "127.0.0.1:0", "--admin", "127.0.0.1:0"}
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"unknown flag", []string{"dev", "--htpp", "x"}, []string{"unknown flag --htpp"}},
		{"unknown command", []string{"gateway"}, []string{"gateway"}},
		{"unknown service", []string{"service", "payment"}, []string{"payment"}},
		{"malformed address", []string{"dev", "--http", "nowhere"}, []string{"--http", "nowhere"}},
		{"address in use", []string{"dev", "--http", busy.Addr().String(), "--admin", "127.0.0.1:0"}, []string{"--http", busy.Addr().String(), "in use"}},
		{"admin address in use", []string{"dev", "--http", "127.0.0.1:0", "--admin", busy.Addr().String()}, []string{"--admin", "in use"}},
		{"no configuration file", append([]string{"serve", "--config", "/nonexistent.yaml"}, free...), []string{"/nonexistent.yaml"}},
		{"unknown field", append([]string{"serve", "--config", config("htpp: x\n")}, free...), []string{"venta.yaml:1:1", "htpp"}},
		{"broken rule", append([]string{"serve", "--config", config("cache:\n  max_bytes: 5\n")}, free...), []string{"venta.yaml:2", "max_bytes"}},
		{"keys without issuer", append([]string{"serve", "--config", config("auth:\n  jwks_file: keys.json\n")}, free...), []string{"auth.issuer"}},
		{"data folder is a file", append([]string{"dev", "--data", unreadable}, free...), []string{unreadable}},
		{"token without a subject", []string{"token"}, []string{"--subject"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := test.args
			if args[0] != "token" && args[0] != "gateway" && !slices.Contains(args, "--data") && args[0] != "service" {
				args = append(args, "--data", t.TempDir())
			}
			p := start(t, args...)
			if code := p.wait(t); code == 0 {
				t.Error("exit code 0")
			}
			failure := strings.TrimRight(p.stderr.String(), "\n")
			for _, want := range test.want {
				if !strings.Contains(failure, want) {
					t.Errorf("no %q in: %s", want, failure)
				}
			}
			if !strings.HasPrefix(failure, "venta: ") {
				t.Errorf("not a clear line: %s", failure)
			}
		})
	}
}

func TestCorruptDatabaseStopsTheStartAndLosesNothing(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	path := filepath.Join(data, "venta.db")
	before := bytes.Repeat([]byte("this is no database "), 1000)
	if err := os.WriteFile(path, before, 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "dev", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data)
	if code := p.wait(t); code == 0 {
		t.Error("exit code 0")
	}
	failure := strings.TrimSpace(p.stderr.String())
	if !strings.Contains(failure, path) || strings.Count(failure, "\n") > 0 {
		t.Errorf("not one clear line: %s", failure)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file changed (%v)", err)
	}
}
