package process_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/gateway"
	"github.com/venta-hq/venta/gateway/auth"
	"github.com/venta-hq/venta/gateway/config"
	"github.com/venta-hq/venta/gateway/process"
)

func TestServesAStrangersAPI(t *testing.T) {
	r := run(t, shop(bearer), "")
	if status, _, body := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/3"); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d %s", status, body)
	}
	status, _, body := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/3", "Authorization", "Bearer "+r.token(t, "ada"))
	if status != http.StatusOK || !strings.Contains(body, "AAAA") {
		t.Errorf("%d %s", status, body)
	}
	for path, want := range map[string]string{
		"/livez": "ok", "/readyz": "ok", "/health": `"orders":"ok"`, "/metrics": "venta_upstream_connections", "/policies": "UnaryCall", "/upstreams": "orders",
	} {
		if status, _, body := call(t, fresh(), http.MethodGet, r.AdminURL+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

// TestTwoProcessesInOne holds that nothing of a process is global.
func TestTwoProcessesInOne(t *testing.T) {
	a, b := run(t, shop(nil), "logging: {level: error}\n"), run(t, shop(nil), "logging: {level: info}\n")
	for _, r := range []*running{a, b} {
		if status, _, body := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1"); status != http.StatusOK {
			t.Errorf("%d %s", status, body)
		}
	}
	b.logged(t, `"url.path":"/v1/echo/1"`)
	if strings.Contains(a.log.String(), "url.path") {
		t.Errorf("one process logs as the other is told to: %s", a.log)
	}
}

func TestAServiceRunsAlone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- process.Execute(ctx, shop(bearer), process.Invocation{
			Args: []string{"service", "orders", "--listen", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data")}, Stdout: writer,
		})
	}()
	line := make([]byte, 256)
	n, err := reader.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	_, address, _ := strings.Cut(string(line[:n]), " gRPC on ")
	address, _, _ = strings.Cut(address, " ")
	r := runWith(t, shop(bearer), process.Options{Environ: []string{"VENTA_UPSTREAMS_ORDERS_TARGET=" + address, "VENTA_AUTH_DEVELOPMENT_KEYS=true"}})
	status, _, body := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1", "Authorization", "Bearer "+r.token(t, "ada"))
	if status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// ownVerifier knows one token.
type ownVerifier struct{}

func (ownVerifier) Verify(_ context.Context, token string) (*auth.Principal, error) {
	if token != "sesame" {
		return nil, errors.New("another token")
	}
	return &auth.Principal{Subject: "ali"}, nil
}

func TestPartsOfTheProgramsOwn(t *testing.T) {
	var seen []string
	step := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				principal, _ := auth.FromContext(r.Context())
				seen = append(seen, name+":"+principal.Subject)
				next.ServeHTTP(w, r)
			})
		}
	}
	text := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
	}
	p := shop(bearer)
	p.Verifier = func(*config.Loaded) (auth.Verifier, error) { return ownVerifier{}, nil }
	p.Middleware = gateway.Middleware{BeforeAuth: []func(http.Handler) http.Handler{step("before")}, AfterAuth: []func(http.Handler) http.Handler{step("after")}}
	p.Routes = map[string]http.Handler{"GET /docs": text("docs")}
	p.AdminRoutes = map[string]http.Handler{"GET /mine": text("mine")}
	r := run(t, p, "")
	if status, _, body := call(t, fresh(), http.MethodGet, r.HTTPURL+"/v1/echo/1", "Authorization", "Bearer sesame"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if got := strings.Join(seen, " "); got != "before: after:ali" {
		t.Errorf("steps %q", got)
	}
	for url, want := range map[string]string{r.HTTPURL + "/docs": "docs", r.AdminURL + "/mine": "mine"} {
		if status, _, body := call(t, fresh(), http.MethodGet, url); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %s", url, status, body)
		}
	}
	for _, pattern := range []string{"GET /v1/echo/{x}", "HEAD /v1/echo/{x}", "GET\t/v1/echo/{x}", "POST /v1/echo", "/v1/echo", "GET a.example/v1/echo/{x}", "a.example/v1/echo"} {
		p.Routes = map[string]http.Handler{pattern: text("hidden")}
		if _, _, err := execute(t, p, nil, "policy", "list"); err == nil || !strings.Contains(err.Error(), "grpc.testing.TestService/UnaryCall") {
			t.Errorf("the hidden route %s: %v", pattern, err)
		}
	}
	p.Routes, p.AdminRoutes = nil, map[string]http.Handler{"GET /livez": text("hidden")}
	if err := process.Run(t.Context(), p, process.Options{Environ: []string{"VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=127.0.0.1:0"}, Data: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "/livez") {
		t.Errorf("a taken admin route: %v", err)
	}
}

func TestAddressesInUse(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for flag, environ := range map[string][]string{
		"--http":  {"VENTA_HTTP=" + busy.Addr().String(), "VENTA_ADMIN=127.0.0.1:0"},
		"--admin": {"VENTA_ADMIN=" + busy.Addr().String(), "VENTA_HTTP=127.0.0.1:0"},
	} {
		err := process.Run(t.Context(), shop(nil), process.Options{Environ: environ, Data: t.TempDir()})
		if err == nil || !strings.HasPrefix(err.Error(), flag+": ") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// TestFailedStarts holds that a start that fails leaves nothing behind.
func TestFailedStarts(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	server := func(s process.Server, err error) func(*process.Program) {
		return func(p *process.Program) {
			p.Upstreams["payments"] = process.Upstream{
				Register: p.Upstreams["orders"].Register,
				Server:   func(context.Context, process.Host) (process.Server, error) { return s, err },
			}
		}
	}
	for want, edit := range map[string]func(*process.Program){
		"out of disk":       server(nil, errors.New("out of disk")),
		"returned none":     server(nil, nil),
		"/livez":            func(p *process.Program) { p.AdminRoutes = map[string]http.Handler{"/livez": http.NotFoundHandler()} },
		"already in use":    func(*process.Program) {},
		"upstream payments": server(ending{}, nil), // registers the routes of orders once more
	} {
		t.Run(want, func(t *testing.T) {
			left := goleak.IgnoreCurrent()
			p := shop(nil)
			edit(&p)
			environ := []string{"VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=" + busy.Addr().String()}
			if want == "/livez" {
				environ[1] = "VENTA_ADMIN=127.0.0.1:0"
			}
			err := process.Run(t.Context(), p, process.Options{Environ: environ, Data: t.TempDir(), Local: true})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v", err)
			}
			goleak.VerifyNone(t, left)
		})
	}
}

// TestOnStartServes holds that the process serves once it says so, and that what
// fails then ends it.
func TestOnStartServes(t *testing.T) {
	left := goleak.IgnoreCurrent()
	err := process.Run(t.Context(), shop(nil), process.Options{
		Environ: []string{"VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=127.0.0.1:0"}, Data: t.TempDir(),
		OnStart: func(s process.Started) error {
			client := &http.Client{Timeout: waitLimit, Transport: &http.Transport{DisableKeepAlives: true}}
			status, _, _ := call(t, client, http.MethodGet, s.AdminURL+"/livez")
			return errors.New("live: " + http.StatusText(status))
		},
	})
	if err == nil || err.Error() != "live: OK" {
		t.Errorf("%v", err)
	}
	// Connections of tests before this one may try again; one of this process would have
	// other goroutines, too.
	goleak.VerifyNone(t, left, goleak.IgnoreAnyFunction("google.golang.org/grpc.(*addrConn).resetTransportAndUnlock"))
}

// TestHangupWhileItStarts holds that a hangup ends no process that still starts.
func TestHangupWhileItStarts(t *testing.T) {
	hangups := make(chan os.Signal, 1)
	called := false
	p := shop(nil)
	orders := p.Upstreams["orders"]
	orders.Serve = nil
	orders.Server = func(context.Context, process.Host) (process.Server, error) {
		return nil, errors.New("listens to hangups: " + strconv.FormatBool(called))
	}
	p.Upstreams["orders"] = orders
	err := process.Run(t.Context(), p, process.Options{
		Data: t.TempDir(), Local: true, Hangup: func() <-chan os.Signal { called = true; return hangups },
	})
	if err == nil || !strings.HasSuffix(err.Error(), "hangups: true") {
		t.Errorf("%v", err)
	}
}

// ending is a server that does not serve.
type ending struct{ err error }

func (e ending) Serve(context.Context, net.Listener) error { return e.err }

func TestAServiceThatEndsEndsTheProcess(t *testing.T) {
	for want, served := range map[string]error{"service orders: it ended by itself": nil, "service orders: no more files": errors.New("no more files")} {
		p := shop(nil)
		orders := p.Upstreams["orders"]
		orders.Serve = nil
		orders.Server = func(context.Context, process.Host) (process.Server, error) { return ending{served}, nil }
		p.Upstreams["orders"] = orders
		ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
		err := process.Run(ctx, p, process.Options{Environ: []string{"VENTA_HTTP=127.0.0.1:0", "VENTA_ADMIN=127.0.0.1:0"}, Data: t.TempDir(), Local: true})
		cancel()
		if err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	p := shop(nil)
	p.Routes = map[string]http.Handler{"GET /slow": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "done")
	})}
	r := run(t, p, "shutdown: {delay: 100ms}\n")
	answered := make(chan string, 1)
	go func() {
		response, err := http.Get(r.HTTPURL + "/slow") //nolint:noctx // it ends with the handler
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answered <- string(body)
	}()
	<-entered
	r.stop()
	within(t, waitLimit, "not ready", func() bool {
		status, _, _ := call(t, fresh(), http.MethodGet, r.AdminURL+"/readyz")
		return status == http.StatusServiceUnavailable
	})
	within(t, waitLimit, "no more connections", func() bool {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(r.HTTPURL, "http://"), time.Second)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(release)
	if got := <-answered; got != "done" {
		t.Errorf("the request in flight: %s", got)
	}
}
