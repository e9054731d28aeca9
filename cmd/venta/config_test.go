package main_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const secret = "hunter2hunter2"

func writeFile(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	return writeFile(t, filepath.Join(t.TempDir(), "venta.yaml"), text)
}

// finished runs a command to its end.
func finished(t *testing.T, environ []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, failure bytes.Buffer
	command := exec.CommandContext(t.Context(), binary, args...)
	command.Env = append(os.Environ(), environ...)
	command.Stdout, command.Stderr = &out, &failure
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), failure.String(), command.ProcessState.ExitCode()
}

func TestConfigCheck(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := finished(t, []string{"PASSWORD=" + secret}, "config", "check", "--dev-keys", configFile(t, "redis: {password: '${PASSWORD}'}\n"))
	stderr = strings.TrimPrefix(stderr, "note: --dev-keys: auth.development_keys: tokens are verified with keys of the data folder: whoever reads it can sign any token\n")
	if stdout != "ok\n" || stderr != "" || code != 0 {
		t.Errorf("right: %d %q %q", code, stdout, stderr)
	}
	path := configFile(t, "htpp: x\nredis:\n  db: '${PASSWORD}'\n  password: ['${PASSWORD}']\noverrides: [{methods: all, policy: {timeout: {duration: 1s}}}]\n")
	stdout, stderr, code = finished(t, []string{"PASSWORD=" + secret, "VENTA_HTTP=nowhere"}, "config", "check", "--dev-keys", path)
	want := `venta: FILE:1:1: unknown field "htpp"; did you mean http?
FILE:3:7: redis.db: must be a whole number
FILE:4:13: redis.password: must be one value
FILE:5:23: overrides[0].methods: must be PACKAGE.SERVICE/METHOD, PACKAGE.SERVICE/* or **, not "all"
VENTA_HTTP: http: must be HOST:PORT, not "nowhere"
`
	if got := strings.ReplaceAll(stderr, path, "FILE"); got != want || stdout != "" || code != 1 {
		t.Errorf("wrong: %d %q\n%s", code, stdout, got)
	}
	// What only the RPCs themselves tell.
	path = configFile(t, "overrides:\n  - methods: venta.vendor.v2.VendorService/Ghost\n    policy: {timeout: {duration: 1s}}\n")
	if _, stderr, code = finished(t, nil, "config", "check", "--dev-keys", path); code != 1 || !strings.HasPrefix(stderr, "venta: "+path+":2:5: ") {
		t.Errorf("ghost: %d %s", code, stderr)
	}
	if _, stderr, code = finished(t, nil, "config", "check", "--dev-keys", "/nonexistent.yaml"); code != 1 || !strings.Contains(stderr, "/nonexistent.yaml") {
		t.Errorf("missing: %d %s", code, stderr)
	}
}

func TestConfigSchemaAndSample(t *testing.T) {
	t.Parallel()
	stdout, stderr, code := finished(t, nil, "config", "schema")
	if stderr != "" || code != 0 {
		t.Errorf("schema: %d %s", code, stderr)
	}
	schema, _ := decode(t, stdout)["properties"].(map[string]any)
	for _, block := range []string{"upstreams", "overrides", "database"} {
		if schema[block] == nil {
			t.Errorf("the schema has no %s", block)
		}
	}
	sample, stderr, code := finished(t, nil, "config", "sample")
	if stderr != "" || code != 0 {
		t.Errorf("sample: %d %s", code, stderr)
	}
	for _, block := range []string{"vendor:", "127.0.0.1:9003", "database:"} {
		if !strings.Contains(sample, block) {
			t.Errorf("the sample has no %s", block)
		}
	}
	if stdout, stderr, _ := finished(t, nil, "config", "check", "--dev-keys", configFile(t, sample)); stdout != "ok\n" {
		t.Errorf("the sample is refused: %s", stderr)
	}
}

// TestDatabaseIsConfigured holds that the system's own block has what every
// block has.
func TestDatabaseIsConfigured(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "elsewhere.db")
	p := start(t, "service", "user", "--dev-keys", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--config", configFile(t, "database: {path: "+path+"}\n"))
	p.address(t, `on (127\.0\.0\.1:\d+)`)
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	_, stderr, code := finished(t, []string{"VENTA_DATABASE_PATH=" + strings.Repeat("x", 5000)}, "config", "check", "--dev-keys", configFile(t, ""))
	if code != 1 || !strings.HasPrefix(stderr, "venta: VENTA_DATABASE_PATH: database.path: ") {
		t.Errorf("%d %s", code, stderr)
	}
	_, stderr, _ = finished(t, nil, "config", "check", "--dev-keys", configFile(t, "database: {pth: x}\n"))
	if !strings.Contains(stderr, ":1:12: database: unknown field") || !strings.Contains(stderr, "did you mean") {
		t.Errorf("%s", stderr)
	}
}

// logged waits for a line of the process's log and returns its first group.
func (p *process) logged(t *testing.T, pattern string) string {
	t.Helper()
	found, ok := p.stderr.find(regexp.MustCompile(pattern), p.exited)
	if !ok {
		t.Fatalf("no line %q; stderr:\n%s", pattern, p.stderr)
	}
	return found
}

func TestReload(t *testing.T) {
	t.Parallel()
	path := configFile(t, "logging: {level: warn}\nredis: {password: "+secret+"}\n")
	data := t.TempDir()
	p := start(t, "dev", "--config", path, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data)
	c := newClient(p.address(t, `REST on (http://\S+) `), token(t, data, "ada"), "127.0.0.2")
	ops := newClient(p.address(t, `health on (http://\S+) `), "", "127.0.0.2")
	serves := func(when string) {
		t.Helper()
		if got := c.do(t, http.MethodGet, "/v2/vendors?pageSize=1", ""); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", when, got.status, got.body)
		}
	}
	serves("at first")

	rewrite := func(text string) { // as editors do
		t.Helper()
		if err := os.Rename(writeFile(t, path+"~", text), path); err != nil {
			t.Fatal(err)
		}
	}
	rewrite("logging: {level: info}\nredis: {password: " + secret + "}\n")
	p.logged(t, `(configuration changed.*logging\.level)`)
	serves("after a change")
	p.logged(t, `("msg":"request")`) // of which a log of warnings tells nothing

	rewrite("logging: {level: debug}\nhttp: 127.0.0.1:1\nredis: {db: 3, password: " + secret + "}\n")
	p.logged(t, `(configuration changed.*logging\.level: LEVEL_INFO -> LEVEL_DEBUG)`)
	if waits := p.logged(t, `(wait for a restart.*)`); strings.Contains(waits, "http") || !strings.Contains(waits, "redis.db") {
		t.Errorf("the flag --http hides the file's, the database does not change: %s", waits)
	}
	serves("after one that waits for a restart in part")
	rewrite("logging: {level: [" + secret + "]}\n")
	p.logged(t, `(configuration refused.*logging\.level: must be one value)`)
	serves("after a wrong one")
	metrics := ops.do(t, http.MethodGet, "/metrics", "").body
	for _, want := range []string{`venta_config_reloads_total{.*result="applied".*} 2`, `venta_config_reloads_total{.*result="refused".*} 1`, `venta_config_current(\{.*\})? 0`} {
		if !regexp.MustCompile(want).MatchString(metrics) {
			t.Errorf("no %s in the metrics", want)
		}
	}

	rewrite("logging: {level: debug}\nredis: {password: " + secret + "}\n")
	p.logged(t, `(configuration loaded again; nothing changed)`)
	p.logged(t, `(no field of the configuration waits for a restart any more)`)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if !poll(t, waitLimit, 50*time.Millisecond, func() bool { return strings.Count(p.stderr.String(), "nothing changed") == 2 }) {
		t.Errorf("SIGHUP did nothing; stderr:\n%s", p.stderr)
	}
	if code := p.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(p.stderr.String()+p.stdout.String(), secret) {
		t.Errorf("the secret is in the output:\n%s%s", p.stdout, p.stderr)
	}
}

func TestOverridesAreLive(t *testing.T) {
	t.Parallel()
	text := func(most string) string {
		return "overrides:\n  - methods: venta.vendor.v2.VendorService/CreateVendor\n    policy: {limits: {max_request_bytes: " + most + "}}\n"
	}
	path := configFile(t, text("1"))
	data := t.TempDir()
	p := start(t, "dev", "--config", path, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", data)
	c := newClient(p.address(t, `REST on (http://\S+) `), token(t, data, "ada"), "127.0.0.2")
	create := func() int {
		return c.do(t, http.MethodPost, "/v2/vendors", `{"name":"Tacos Ada","email":"ada@example.com"}`).status
	}
	if got := create(); got != http.StatusRequestEntityTooLarge {
		t.Errorf("overridden: %d", got)
	}
	writeFile(t, path, text("0"))
	p.logged(t, `(configuration refused.*venta\.yaml:2:5: .*max_request_bytes)`)
	if got := create(); got != http.StatusRequestEntityTooLarge {
		t.Errorf("after a refused one: %d", got)
	}
	writeFile(t, path, "overrides: []\n")
	p.logged(t, `(configuration changed.*overrides)`)
	if got := create(); got != http.StatusCreated {
		t.Errorf("as annotated: %d", got)
	}
}

func TestHangupWithoutAFile(t *testing.T) {
	t.Parallel()
	p, base, _ := startDev(t, t.TempDir())
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.logged(t, `(configuration loaded again; nothing changed)`)
	if got := newClient(base, "", "127.0.0.2").do(t, http.MethodGet, "/v2/vendors", ""); got.status != http.StatusUnauthorized {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestTLSListener(t *testing.T) {
	t.Parallel()
	certificate, key, trusted := selfSigned(t)
	path := configFile(t, "http_listener: {tls: {cert_file: "+certificate+", key_file: "+key+"}}\n")
	p := start(t, "dev", "--config", path, "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir())
	base := p.address(t, `REST on (https://\S+) `)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: true}}
	response, err := client.Get(base + "/v2/vendors")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized || response.ProtoMajor != 2 {
		t.Errorf("%s over HTTP/%d", response.Status, response.ProtoMajor)
	}
	client.CloseIdleConnections()
	_, stderr, code := finished(t, nil, "serve", "--config", configFile(t, "http_listener: {tls: {cert_file: /nowhere, key_file: "+key+"}}\n"),
		"--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", t.TempDir())
	if code == 0 || !strings.Contains(stderr, "/nowhere") {
		t.Errorf("%d %s", code, stderr)
	}
}

// selfSigned writes a certificate for 127.0.0.1 and returns its files.
func selfSigned(t *testing.T) (certificate, key string, trusted *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM([]byte(text))
	return writeFile(t, filepath.Join(dir, "cert.pem"), text),
		writeFile(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))),
		trusted
}

func TestEnvironmentSetsFields(t *testing.T) {
	t.Parallel()
	_, stderr, code := finished(t, []string{"VENTA_HTTP_LISTENER_IDLE_TIMEOUT=5"}, "serve", "--data", t.TempDir())
	if want := `venta: VENTA_HTTP_LISTENER_IDLE_TIMEOUT: http_listener.idle_timeout: must be a duration such as "250ms", "5s" or "1h30m", not "5"` + "\n"; stderr != want || code == 0 {
		t.Errorf("%d %s", code, stderr)
	}
	_, stderr, code = finished(t, []string{"VENTA_HTPP=a:1"}, "serve", "--data", t.TempDir())
	if !strings.HasPrefix(stderr, "venta: VENTA_HTPP: no field belongs to this variable; did you mean VENTA_HTTP?") || code == 0 {
		t.Errorf("%d %s", code, stderr)
	}
}
