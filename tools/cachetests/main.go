// Command cachetests runs the public suite of tests for HTTP caches, the package
// http-cache-tests of npm (https://cache-tests.fyi), against gateway/cache before a
// plain reverse proxy, and counts as the suite's site counts a reverse proxy. The suite
// is downloaded for the run.
//
// It fails where fewer of the required tests pass than must. The count that decides is
// that of the published tests as the suite's repository words them, and the site counts
// them; what npm publishes is of before RFC 9111 and is counted beside it.
// docs/decisions/0033-before-a-proxy.md explains each that fails.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/policy"
)

const (
	suite       = "http-cache-tests@0.4.5"
	mustPercent = 93
)

//go:embed run.mjs
var runner []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout); err != nil {
		log.Print(err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, report io.Writer) error {
	folder, err := os.MkdirTemp("", "cachetests")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	if err := os.WriteFile(filepath.Join(folder, "run.mjs"), runner, 0o600); err != nil {
		return err
	}
	install := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, suite) //nolint:gosec // a folder of our own
	if output, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm cannot install %s: %w\n%s", suite, err, output)
	}
	published, err := measure(ctx, folder, "published")
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(report, "as published:     %s\n", published)
	list(report, published)
	revised, err := measure(ctx, folder, "revised")
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(report, "as in repository: %s\n", revised)
	list(report, revised)
	if revised.passed*100 < mustPercent*revised.required {
		return fmt.Errorf("%d of %d are less than %d %%", revised.passed, revised.required, mustPercent)
	}
	return nil
}

// result is what came of one test.
type result struct {
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Passed bool   `json:"passed"`
	Why    string `json:"why"`
}

// counted is what came of the required tests.
type counted struct {
	passed, required int
	failed           []result
}

func (c counted) String() string {
	return fmt.Sprintf("%d of %d required tests pass (%.1f %%)", c.passed, c.required, 100*float64(c.passed)/float64(c.required))
}

func list(report io.Writer, c counted) {
	for _, t := range c.failed {
		_, _ = fmt.Fprintf(report, "  %-45s %s\n", t.ID, t.Why)
	}
}

// measure runs the suite once, against a new cache.
func measure(ctx context.Context, folder, mode string) (counted, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	origin, wait, err := serveOrigin(ctx, suiteIn(folder))
	if err != nil {
		return counted{}, err
	}
	defer wait() // behind cancel
	defer cancel()
	store, handler, err := newProxy(origin)
	if err != nil {
		return counted{}, err
	}
	defer store.Close()
	proxy := httptest.NewServer(handler)
	defer proxy.Close()
	tests := exec.CommandContext(ctx, "node", "--no-warnings", filepath.Join(folder, "run.mjs"), suiteIn(folder), proxy.URL, mode) //nolint:gosec // a folder of our own
	tests.Stderr = os.Stderr
	output, err := tests.Output()
	if err != nil {
		return counted{}, fmt.Errorf("the suite does not run: %w", err)
	}
	return count(output)
}

func count(output []byte) (c counted, err error) {
	var results []result
	if err := json.Unmarshal(output, &results); err != nil {
		return c, fmt.Errorf("the suite's results: %w", err)
	}
	for _, r := range results {
		if r.Kind != "required" {
			continue
		}
		if c.required++; r.Passed {
			c.passed++
			continue
		}
		c.failed = append(c.failed, r)
	}
	if c.required == 0 {
		return c, errors.New("the suite has no results")
	}
	return c, nil
}

func suiteIn(folder string) string {
	return filepath.Join(folder, "node_modules", "http-cache-tests")
}

// serveOrigin starts the suite's server. It ends with the context; wait waits for that.
func serveOrigin(ctx context.Context, folder string) (origin *url.URL, wait func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	if err := listener.Close(); err != nil { // the server takes no listener
		return nil, nil, err
	}
	server := exec.CommandContext(ctx, "node", "server/server.mjs")
	server.Dir = folder
	server.Env = append(os.Environ(), "npm_config_protocol=http", "npm_config_port="+port, "npm_config_pidfile="+filepath.Join(folder, "pid"))
	if err := server.Start(); err != nil {
		return nil, nil, fmt.Errorf("the suite's server: %w", err)
	}
	wait = func() { _ = server.Wait() } // it was killed
	origin = &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", port)}
	for range 100 {
		if response, err := http.Get(origin.String() + "/"); err == nil {
			_ = response.Body.Close()
			return origin, wait, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, nil, errors.New("the suite's server does not respond")
}

// newProxy is the package's example.
func newProxy(origin *url.URL) (*cache.Store, http.Handler, error) {
	store, err := cache.NewStore(cache.Options{})
	if err != nil {
		return nil, nil, err
	}
	caching, err := store.Middleware(cache.Rule{
		Name:   "everything",
		Proxy:  true,
		Policy: policy.Cache{TTL: time.Second, StaleWhileRevalidate: time.Minute, StaleIfError: time.Minute},
		Key:    func(r *http.Request) (string, bool, error) { return r.URL.RequestURI(), true, nil },
		OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusGatewayTimeout)
		},
	})
	if err != nil {
		return nil, nil, err
	}
	proxy := httputil.NewSingleHostReverseProxy(origin)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // the suite's server hangs up on purpose
	return store, caching(proxy), nil
}
