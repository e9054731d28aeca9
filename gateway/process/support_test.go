package process_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"google.golang.org/grpc"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
	"github.com/venta-hq/venta/gateway/policy"
	"github.com/venta-hq/venta/gateway/process"
)

// The process is tested as a stranger has it: with an API that the project does
// not know, and a gateway that only its configuration tells what to do.

// waitLimit bounds every wait; nothing waits that long unless it fails.
const waitLimit = 30 * time.Second

// described is what the plugin would write for grpc.testing.TestService.
func described(auth *policy.Auth) gateway.Service {
	return gateway.Service{Name: "grpc.testing.TestService", Source: "grpc/testing/test.proto", Methods: []gateway.Method{{
		Name:     "UnaryCall",
		Call:     gateway.Unary(testgrpc.TestServiceClient.UnaryCall),
		Bindings: []gateway.Binding{{Verb: "POST", Path: "/v1/echo", Body: "*"}, {Verb: "GET", Path: "/v1/echo/{response_size}"}},
		Policy: policy.Method{
			Auth:    auth,
			Timeout: &policy.Timeout{Duration: 5 * time.Second},
			RateLimits: []policy.RateLimit{{
				Name: "all", Requests: 1000, Interval: time.Minute, Burst: 1000, Key: policy.RateLimitKey{Source: policy.KeyClientIP}, Cost: policy.RateLimitCost{Units: 1},
			}},
		},
	}}}
}

type echo struct {
	testgrpc.UnimplementedTestServiceServer
}

func (echo) UnaryCall(_ context.Context, r *testgrpc.SimpleRequest) (*testgrpc.SimpleResponse, error) {
	return &testgrpc.SimpleResponse{Payload: &testgrpc.Payload{Body: make([]byte, r.GetResponseSize())}}, nil
}

// shop is a program whose RPC requires what auth says.
func shop(auth *policy.Auth) process.Program {
	return process.Program{Name: "shop", Version: "v1.2.3", Upstreams: process.Upstreams{"orders": {
		Target: "127.0.0.1:9", // the discard port: nobody listens
		Register: []process.Register{func(gw *gateway.Gateway, conn grpc.ClientConnInterface) error {
			return gw.Register(described(auth), conn)
		}},
		Serve: func(r grpc.ServiceRegistrar) { testgrpc.RegisterTestServiceServer(r, echo{}) },
	}}}
}

var bearer = &policy.Auth{Requirement: policy.AuthRequired}

// running is a process in this one.
type running struct {
	process.Started
	log    *lines
	config string // the file
	hangup chan os.Signal
	stop   context.CancelFunc
	ended  chan error
}

// run serves a program with a configuration until the test ends.
func run(t testing.TB, p process.Program, config string) *running {
	t.Helper()
	return runWith(t, p, process.Options{ConfigFile: write(t, filepath.Join(t.TempDir(), "shop.yaml"), config), Local: true})
}

// runWith serves a program on ports of its own until the test ends.
func runWith(t testing.TB, p process.Program, o process.Options) *running {
	t.Helper()
	r := &running{log: newLines(), config: o.ConfigFile, hangup: make(chan os.Signal, 1), ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	started := make(chan process.Started, 1)
	o.Environ = append(o.Environ, "VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=127.0.0.1:0")
	if !o.Local {
		o.Environ = append(o.Environ, "VENTA_SHUTDOWN_DELAY=0s") // no test waits for a balancer
	}
	o.Data, o.Log = filepath.Join(t.TempDir(), "data"), r.log
	o.Hangup = func() <-chan os.Signal { return r.hangup }
	o.OnStart = func(s process.Started) error { started <- s; return nil }
	go func() { r.ended <- process.Run(ctx, p, o) }()
	select {
	case r.Started = <-started:
	case err := <-r.ended:
		t.Fatalf("it did not start: %v\n%s", err, r.log)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-r.ended; err != nil {
			t.Errorf("the end: %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", r.log)
		}
	})
	return r
}

// rewrite replaces the configuration, as editors do.
func (r *running) rewrite(t *testing.T, config string) {
	t.Helper()
	replace(t, r.config, config)
}

func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.Rename(write(t, path+"~", text), path); err != nil {
		t.Fatal(err)
	}
}

// token signs a development token.
func (r *running) token(t *testing.T, subject string) string {
	t.Helper()
	keys, err := devkeys.Open(r.Data)
	if err != nil {
		t.Fatal(err)
	}
	token, err := keys.Sign(devkeys.Claims{Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// call makes a request with header fields in pairs.
func call(t testing.TB, client *http.Client, verb, url string, fields ...string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), verb, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

// fresh is a client that keeps no connection.
func fresh() *http.Client { return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} }

// within waits until ok, for at most limit.
func within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("%s: not within %s", what, limit)
		}
	}
}

// logged waits for a line of the log that matches.
func (r *running) logged(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	within(t, waitLimit, "a log line "+pattern, func() bool { return re.MatchString(r.log.String()) })
	return re.FindString(r.log.String())
}

func (r *running) metric(t *testing.T, pattern string) bool {
	t.Helper()
	_, _, text := call(t, fresh(), http.MethodGet, r.AdminURL+"/metrics")
	return regexp.MustCompile(`(?m)^` + pattern + `$`).MatchString(text)
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func newLines() *lines { return &lines{} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// pair makes a certificate for 127.0.0.1 and its key, in PEM. It began an hour ago and is
// valid for as many hours from now as its number says.
func pair(t *testing.T, serial int64) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Duration(serial) * time.Hour),
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
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

// jwks returns the public keys of development keys, as a JWKS file has them.
func jwks(t *testing.T, keys devkeys.Keys) string {
	t.Helper()
	text, err := json.Marshal(keys.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jwk.Parse(text); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func opened(t *testing.T) devkeys.Keys {
	t.Helper()
	keys, err := devkeys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func signed(t *testing.T, keys devkeys.Keys) string {
	t.Helper()
	token, err := keys.Sign(devkeys.Claims{Subject: "ada"})
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

// execute runs a command to its end.
func execute(t *testing.T, p process.Program, environ []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, failure bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	err = process.Execute(ctx, p, process.Invocation{Args: args, Environ: environ, Stdout: &out, Stderr: &failure})
	return out.String(), failure.String(), err
}
