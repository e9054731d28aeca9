package process_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/process"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// prompt is how soon a change of a file must be in force. The promise is a
// second; a busy machine has some more.
const prompt = 3 * time.Second

func keyFile(t *testing.T, path string, ids ...string) map[string]string {
	t.Helper()
	keys := map[string]string{}
	entries := []auth.APIKey{}
	for _, id := range ids {
		key, entry, err := auth.NewAPIKey(auth.APIKey{ID: id, Subject: id})
		if err != nil {
			t.Fatal(err)
		}
		keys[id] = key
		entries = append(entries, entry)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(text))
	return keys
}

func TestAPIKeysFollowTheirFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	keys := keyFile(t, path, "a", "b")
	r := run(t, shop(&policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeAPIKey}}),
		"auth: {api_keys_file: "+path+"}\n")
	status := func(id string) int {
		got, _, _ := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1", "X-Api-Key", keys[id])
		return got
	}
	if a, b := status("a"), status("b"); a != http.StatusOK || b != http.StatusOK {
		t.Fatalf("a %d, b %d", a, b)
	}
	var entries []auth.APIKey
	text, _ := os.ReadFile(path)
	if err := json.Unmarshal(text, &entries); err != nil {
		t.Fatal(err)
	}
	left, _ := json.Marshal(entries[1:])
	replace(t, path, string(left))
	within(t, prompt, "the key that was taken out stops working", func() bool { return status("a") == http.StatusUnauthorized })
	if got := status("b"); got != http.StatusOK {
		t.Errorf("the key that stayed: %d", got)
	}
	r.logged(t, `auth\.api_keys_file: content changed`)

	replace(t, path, "[{") // being written
	r.logged(t, `configuration refused.*auth\.api_keys_file`)
	if got := status("b"); got != http.StatusOK {
		t.Errorf("after a damaged file: %d", got)
	}
}

func TestVerificationKeysFollowTheirFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	before, after := opened(t), opened(t)
	write(t, path, jwks(t, before))
	r := run(t, shop(bearer), "auth: {jwks_file: "+path+", issuer: venta-dev}\n")
	status := func(token string) int {
		got, _, _ := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1", "Authorization", token)
		return got
	}
	if got := status(signed(t, before)); got != http.StatusOK {
		t.Fatalf("%d", got)
	}
	replace(t, path, jwks(t, after))
	within(t, prompt, "the new key verifies", func() bool { return status(signed(t, after)) == http.StatusOK })
	if got := status(signed(t, before)); got != http.StatusUnauthorized {
		t.Errorf("the old key still verifies: %d", got)
	}
}

func TestCertificateFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	renew := func(serial int64) {
		c, k := pair(t, serial)
		replace(t, certificate, c)
		replace(t, key, k)
	}
	renew(1)
	files := "{tls: {cert_file: " + certificate + ", key_file: " + key + "}}\n"
	r := run(t, shop(nil), "http_listener: "+files+"admin_listener: "+files)
	if !strings.HasPrefix(r.HTTPURL, "https://") || !strings.HasPrefix(r.AdminURL, "https://") {
		t.Fatalf("%+v", r.Started)
	}
	serial := func(url string) int64 {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true}) // whose it is says the serial number
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if a, b := serial(r.HTTPURL), serial(r.AdminURL); a != 1 || b != 1 {
		t.Fatalf("%d, %d", a, b)
	}
	renew(2)
	within(t, prompt, "the next handshake shows the new certificate", func() bool { return serial(r.HTTPURL) == 2 && serial(r.AdminURL) == 2 })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	within(t, prompt, "the metrics show its lifetime", func() bool {
		_, _, text := call(t, client, http.MethodGet, r.AdminURL+"/metrics")
		return strings.Contains(text, `venta_credential_lifetime_seconds{venta_credential_kind="certificate",venta_credential_name="http_listener.tls.cert_file"} 10800`)
	})
}

func TestSettingsChangeWhileItRuns(t *testing.T) {
	r := run(t, shop(nil), "logging: {level: info}\nallowed_origins: [https://a.example]\n")
	get := func() http.Header {
		_, h, _ := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1", "Origin", "https://b.example")
		return h
	}
	if h := get(); h.Get("Access-Control-Allow-Origin") != "" || h.Get("Ratelimit") == "" {
		t.Fatalf("%v", h)
	}
	r.rewrite(t, `logging: {level: info}
allowed_origins: [https://b.example]
trusted_proxies: [127.0.0.1]
rate_limits: {headers: draft_03}
telemetry: {sample_ratio: 0.5}
overrides: [{methods: grpc.testing.TestService/UnaryCall, policy: {limits: {max_request_bytes: 1}}, reason: A test.}]
`)
	within(t, prompt, "origins and header style", func() bool {
		h := get()
		return h.Get("Access-Control-Allow-Origin") == "https://b.example" && h.Get("Ratelimit-Limit") == "1000"
	})
	_, h, _ := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1", "X-Forwarded-For", "192.0.2.99")
	if got := h.Get("Ratelimit-Remaining"); got != "999" {
		t.Errorf("the proxy is not trusted: a new client has %s left of 1000", got)
	}
	line := r.logged(t, `configuration changed[^\n]*`)
	for _, want := range []string{"allowed_origins", "trusted_proxies", "rate_limits.headers", "telemetry.sample_ratio", "overrides"} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is not in %s", want, line)
		}
	}
	if _, _, text := call(t, fresh(), http.MethodGet, r.AdminURL+"/policies"); !strings.Contains(text, "A test.") || !strings.Contains(text, "shop.yaml:6") {
		t.Errorf("the override is not in %s", text)
	}
}

func TestWhatNeedsARestartKeepsNothingBack(t *testing.T) {
	r := run(t, shop(nil), "logging: {level: info}\ncache: {max_bytes: 16Mi}\n")
	if !r.metric(t, `venta_config_restart_pending(\{.*\})? 0`) {
		t.Error("something is pending at the start")
	}
	r.rewrite(t, `logging: {level: info}
cache: {max_bytes: 32Mi}
overrides: [{methods: grpc.testing.TestService/UnaryCall, policy: {limits: {max_request_bytes: 1}}}]
`)
	r.logged(t, `restart[^\n]*cache\.max_bytes`)
	within(t, prompt, "the override is in force", func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.HTTPURL+"/v1/echo", strings.NewReader(`{"response_size": 1}`))
		if err != nil {
			t.Fatal(err)
		}
		response, err := fresh().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode == http.StatusRequestEntityTooLarge
	})
	within(t, prompt, "the field is counted", func() bool { return r.metric(t, `venta_config_restart_pending(\{.*\})? 1`) })
	r.rewrite(t, "logging: {level: info}\ncache: {max_bytes: 16Mi}\n")
	within(t, prompt, "nothing is pending", func() bool { return r.metric(t, `venta_config_restart_pending(\{.*\})? 0`) })
}

func TestHangupReloads(t *testing.T) {
	r := run(t, shop(nil), "logging: {level: info}\n")
	r.hangup <- nil
	r.logged(t, "configuration loaded again; nothing changed")
	close(r.hangup) // tells nothing more
	r.rewrite(t, "logging: {level: info}\nallowed_origins: [https://a.example]\n")
	r.logged(t, "configuration changed")
	if n := strings.Count(r.log.String(), "loaded again"); n != 1 {
		t.Errorf("loaded again %d times", n)
	}
}

// TestKeysThatAreNotConfiguredAnyMore holds that keys stop working with the field
// that names them, too.
func TestKeysThatAreNotConfiguredAnyMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	key := keyFile(t, path, "a")["a"]
	r := run(t, shop(&policy.Auth{Requirement: policy.AuthRequired, Schemes: []policy.Scheme{policy.SchemeBearer, policy.SchemeAPIKey}}),
		"auth: {api_keys_file: "+path+"}\n")
	status := func() int {
		got, _, _ := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1", "X-Api-Key", key)
		return got
	}
	if got := status(); got != http.StatusOK {
		t.Fatalf("%d", got)
	}
	r.rewrite(t, "auth: {}\n")
	within(t, prompt, "the key stops working", func() bool { return status() == http.StatusUnauthorized })
	r.rewrite(t, "auth: {api_keys_file: "+path+"}\n")
	within(t, prompt, "the key works again", func() bool { return status() == http.StatusOK })
}

// TestOverridesWaitForWhatTheyNeed holds that overrides which need what waits for a
// restart wait with it, and keep nothing else back.
func TestOverridesWaitForWhatTheyNeed(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys.json")
	keyFile(t, keys, "a")
	for needed, block := range map[string]string{
		"redis.addresses":    "auth: {development_keys: true}\nredis: {addresses: ['127.0.0.1:9']}\noverrides: [{methods: '**', policy: {rate_limits: [{requests: 1, interval: 1s, scope: shared, key: {global: true}, on_store_failure: deny}]}}]\n",
		"auth.api_keys_file": "auth: {development_keys: true, api_keys_file: " + keys + "}\noverrides: [{methods: '**', policy: {auth: {requirement: required, schemes: [api_key]}}}]\n",
	} {
		t.Run(needed, func(t *testing.T) {
			r := runWith(t, shop(bearer), process.Options{ConfigFile: write(t, filepath.Join(t.TempDir(), "shop.yaml"), "auth: {development_keys: true}\n")})
			text := block + "allowed_origins: [https://a.example]\n"
			if _, _, err := execute(t, shop(bearer), nil, "config", "check", write(t, filepath.Join(t.TempDir(), "shop.yaml"), text)); err != nil {
				t.Fatal(err)
			}
			r.rewrite(t, text)
			if line := r.logged(t, `wait for a restart[^\n]*|configuration[^\n]*refused[^\n]*`); !strings.Contains(line, `"`+needed+`"`) || !strings.Contains(line, `"overrides"`) {
				t.Error(line)
			}
			r.logged(t, `configuration changed[^\n]*allowed_origins`)
		})
	}
}

// TestANameGoesWithItsPassword holds that a user of Redis who needs a restart keeps
// nothing else back.
func TestANameGoesWithItsPassword(t *testing.T) {
	server := "logging: {level: info}\nredis: {addresses: ['" + redistest.Start(t).Addr + "']"
	r := run(t, shop(nil), server+"}\n")
	r.rewrite(t, server+", username: app, password: hunter2}\nallowed_origins: [https://a.example]\n")
	line := r.logged(t, `wait for a restart[^\n]*`)
	if !strings.Contains(line, `["redis.password","redis.username"]`) {
		t.Errorf("%s", line)
	}
	r.logged(t, `configuration changed[^\n]*allowed_origins`)
}

// TestAServiceFollowsItsKeys holds that what stands behind the gateway believes
// the same tokens after a reload.
func TestAServiceFollowsItsKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	before, after := opened(t), opened(t)
	write(t, path, jwks(t, before))
	file := write(t, filepath.Join(t.TempDir(), "shop.yaml"), "auth: {jwks_file: "+path+", issuer: venta-dev}\n")
	verifiers := make(chan auth.Verifier, 1)
	p := shop(bearer)
	p.Upstreams = process.Upstreams{"orders": {
		Register: p.Upstreams["orders"].Register,
		Server: func(_ context.Context, host process.Host) (process.Server, error) {
			verifiers <- host.Verifier
			return idle{}, nil
		},
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- process.Execute(ctx, p, process.Invocation{
			Args: []string{"service", "orders", "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--config", file},
		})
	}()
	verifier := <-verifiers
	believes := func(keys devkeys.Keys) bool {
		_, err := verifier.Verify(ctx, strings.TrimPrefix(signed(t, keys), "Bearer "))
		return err == nil
	}
	if !believes(before) || believes(after) {
		t.Error("the keys at the start are not those of the file")
	}
	replace(t, path, jwks(t, after))
	within(t, prompt, "the new key verifies", func() bool { return believes(after) })
	if believes(before) {
		t.Error("the old key still verifies")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// idle is a server that serves nobody.
type idle struct{}

func (idle) Serve(ctx context.Context, listener net.Listener) error {
	<-ctx.Done()
	return listener.Close()
}
