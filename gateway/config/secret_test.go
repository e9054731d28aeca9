package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/venta-hq/venta/gateway/config"
)

const secret = "hunter2hunter2"

func TestSecretsAreGivenAndNeverPrinted(t *testing.T) {
	inFile := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(inFile, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		options config.Options
	}{
		{"literal", config.Options{File: write(t, "redis: {password: "+secret+"}")}},
		{"variable", config.Options{File: write(t, "redis: {password: '${PASSWORD}'}"), Environ: []string{"PASSWORD=" + secret}}},
		{"environment", config.Options{Environ: []string{"VENTA_REDIS_PASSWORD=" + secret}}},
		{"file", config.Options{File: write(t, "redis: {password_file: "+inFile+"}")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			loaded := load(t, test.options)
			if got := loaded.RedisPassword().Reveal(); got != secret {
				t.Errorf("password %q", got)
			}
			noSecret(t, printed(t, loaded))
			noSecret(t, printed(t, loaded.RedisPassword()))
			noSecret(t, printed(t, struct{ Inner config.Secret }{loaded.RedisPassword()}))
			noSecret(t, loaded.Config.String()+protojson.Format(loaded.Config))
		})
	}
}

// printed prints a value in every way that there is.
func printed(t *testing.T, value any) string {
	t.Helper()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+"\n", value)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("text", "value", value)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "value", value)
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	return out.String()
}

func noSecret(t *testing.T, text string) {
	t.Helper()
	for _, form := range []string{secret, fmt.Sprintf("%x", secret)} {
		if before, after, found := strings.Cut(text, form); found {
			t.Errorf("the secret is in: %s%s%s", before[max(len(before)-60, 0):], form, after[:min(len(after), 60)])
		}
	}
}

// TestFaultsHoldNoSecret writes a secret where it makes a fault.
func TestFaultsHoldNoSecret(t *testing.T) {
	texts := []string{
		"redis: {password: [" + secret + "]}",
		"redis: {password: {" + secret + ": 1}}",
		"redis: {password: *" + secret + "}",
		"redis: {password: !" + secret + " x, db: x}",
		"redis: {password: @" + secret + "}",
		"redis: {password: \"" + secret + "}",
		"redis: {password: '" + secret + "\\q}",
		"redis:\n  password " + secret,
		"redis:\n  password: " + secret + "\n  pasword: " + secret,
		"redis:\n  password: " + secret + "\n  password: " + secret,
		"redis:\n  password: " + secret + "\n db: 5",
		"redis: {password: " + secret + ", password_file: /run/" + secret + "}",
		"redis: {password_file: " + secret + "}",
		"redis: {password: " + strings.Repeat(secret, 100) + "}",
		"redis: {mode: sentinel, sentinel_password: " + strings.Repeat(secret, 100) + "}",
		"http: ${PASSWORD}",
		"cache: {max_bytes: '${PASSWORD}'}",
		"shutdown: {delay: '${PASSWORD}'}",
		"logging: {level: '${PASSWORD}'}",
		"trusted_proxies: ['${PASSWORD}']",
		"allowed_origins: ['${PASSWORD}']",
		"http: ${UNSET:-" + secret + "}",
		"http: ${UNSET-" + secret + "}",
		"http: ${UNSET:" + secret,
		"telemetry: {otlp_endpoint: 'https://user:" + secret + "@collector'}",
		"overrides: [{methods: '${PASSWORD}', expires: '${PASSWORD}', policy: {timeout: {duration: 1s}}}]",
	}
	for _, text := range texts {
		_, err := config.Load(config.Options{File: write(t, text), Environ: []string{"PASSWORD=" + secret}})
		if err == nil {
			t.Errorf("no fault in %s", text)
			continue
		}
		noSecret(t, printed(t, err))
	}
	for _, environ := range []string{"VENTA_REDIS_PASSWORD=" + strings.Repeat(secret, 100), "VENTA_REDIS_PASWORD=" + secret, "VENTA_REDIS_PASSWORD=\xff" + secret} {
		_, err := config.Load(config.Options{Environ: []string{environ}})
		if err == nil {
			t.Errorf("no fault in %s", environ)
			continue
		}
		noSecret(t, printed(t, err))
	}
}

func TestSecretFiles(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"newline", "secret\n", "secret"},
		{"Windows newline", "secret\r\n", "secret"},
		{"two newlines", "secret\n\n", "secret\n"},
		{"spaces", " secret ", " secret "},
	}
	for _, test := range tests {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded := load(t, config.Options{Environ: []string{
			"VENTA_REDIS_MODE=sentinel", "VENTA_REDIS_MASTER_NAME=m", "VENTA_REDIS_ADDRESSES=a:1", "VENTA_REDIS_SENTINEL_PASSWORD_FILE=" + path,
		}})
		if got := loaded.SentinelPassword().Reveal(); got != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
	empty := write(t, "\n")
	big := write(t, strings.Repeat("x", 1<<20+1))
	for path, want := range map[string]string{
		empty:       "the file is empty",
		big:         "more than 1048576 bytes",
		t.TempDir(): "is a directory",
		"/nowhere":  "no such file",
	} {
		_, err := config.Load(config.Options{Environ: []string{"VENTA_REDIS_PASSWORD_FILE=" + path}})
		if err == nil || !strings.Contains(err.Error(), "VENTA_REDIS_PASSWORD_FILE: redis.password_file: cannot be read: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// FuzzLoad loads what may not panic and not show the secret that it holds.
func FuzzLoad(f *testing.F) {
	f.Add("http: a:1\nupstreams: {default: {target: SECRET, connection: {tls: {ca_file: SECRET}}}}")
	f.Add("redis: {password: SECRET}")
	f.Add("redis:\n  password: &a SECRET\n  db: *a\n--- SECRET")
	f.Add("? [SECRET]\n: {}\n<<: *x")
	f.Add("overrides: [{methods: ${SECRET}, policy: !!binary {a: [b]}}]")
	f.Fuzz(func(t *testing.T, text string) {
		// In a value alone, for the names of unknown fields are shown.
		text = strings.ReplaceAll(text, "SECRET", "")
		path := filepath.Join(t.TempDir(), "venta.yaml")
		if err := os.WriteFile(path, []byte("redis: {password: "+secret+"}\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		loaded, err := config.Load(config.Options{File: path})
		if err != nil {
			noSecret(t, err.Error())
			return
		}
		noSecret(t, loaded.String())
	})
}
