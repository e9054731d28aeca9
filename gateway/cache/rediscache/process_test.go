//go:build unix

package rediscache_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/gateway/cache"
	"github.com/venta-hq/venta/gateway/cache/rediscache"
	"github.com/venta-hq/venta/gateway/redis"
	"github.com/venta-hq/venta/gateway/redis/redistest"
)

// What makes the test's binary a gateway: the addresses of Redis and upstream.
const (
	envRedis    = "VENTA_TEST_REDIS"
	envUpstream = "VENTA_TEST_UPSTREAM"
)

func TestMain(m *testing.M) {
	if os.Getenv(envRedis) != "" {
		if err := runGateway(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	waitTogether()
	goleak.VerifyTestMain(m)
}

// waitTogether lets more tests run at once than there are processors: most of the
// time each waits for its own Redis. Those that keep a processor busy are not parallel.
func waitTogether() {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
}

// runGateway serves until its standard input ends. It prints its address when it
// is trusted.
func runGateway() error {
	client, err := redis.Open(context.Background(), redis.Options{Addresses: []string{os.Getenv(envRedis)}})
	if err != nil {
		return err
	}
	defer client.Close()
	remote, err := rediscache.New(rediscache.Options{Client: client, Bound: bound})
	if err != nil {
		return err
	}
	defer remote.Close()
	store, err := cache.NewStore(cache.Options{Remote: remote})
	if err != nil {
		return err
	}
	defer store.Close()
	middleware, err := store.Middleware(testRule())
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: middleware(http.HandlerFunc(askUpstream))}
	go func() { _ = server.Serve(listener) }() // until Close
	defer server.Close()
	ticker := time.NewTicker(10 * time.Millisecond)
	for !remote.Trusted(<-ticker.C) {
	}
	fmt.Println(listener.Addr())
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func askUpstream(w http.ResponseWriter, r *http.Request) {
	response, err := http.Get(os.Getenv(envUpstream) + r.URL.Path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	_, _ = io.Copy(w, response.Body)
}

// gateway is a process of its own.
type gateway struct {
	t       *testing.T
	address string
	command *exec.Cmd
	input   io.Closer
}

func startGateway(t *testing.T, redisAddress, upstream string) *gateway {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), envRedis+"="+redisAddress, envUpstream+"="+upstream)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, command: command, input: input}
	t.Cleanup(g.stop)
	scanner := bufio.NewScanner(output)
	if !scanner.Scan() {
		t.Fatal("the gateway has no address")
	}
	g.address = scanner.Text()
	return g
}

func (g *gateway) stop() {
	_ = g.command.Process.Signal(syscall.SIGCONT) // it may have ended
	g.input.Close()
	if err := g.command.Wait(); err != nil {
		g.t.Error(err)
	}
}

func (g *gateway) signal(s syscall.Signal) {
	g.t.Helper()
	if err := g.command.Process.Signal(s); err != nil {
		g.t.Fatal(err)
	}
	if s != syscall.SIGSTOP {
		return
	}
	// It may run on until the last of its threads has stopped.
	var now syscall.WaitStatus
	if _, err := syscall.Wait4(g.command.Process.Pid, &now, syscall.WUNTRACED, nil); err != nil || !now.Stopped() {
		g.t.Fatalf("the process has not stopped: %v, %v", now, err)
	}
}

func (g *gateway) get(path string) *httptest.ResponseRecorder {
	g.t.Helper()
	response, err := http.Get("http://" + g.address + path)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Status", response.Header.Get("Cache-Status"))
	_, _ = io.Copy(w, response.Body)
	return w
}

// TestProcessStopped stops a gateway that has a response in memory, purges the
// response through another, and calls the first before it goes on.
func TestProcessStopped(t *testing.T) {
	t.Parallel()
	defer http.DefaultClient.CloseIdleConnections()
	b := new(backend)
	upstream := httptest.NewServer(http.HandlerFunc(b.read))
	defer upstream.Close()
	server := redistest.Start(t)
	p := start(t, server.Open(t), b, func(o *options) { o.remote.AckTimeout = 40 * time.Millisecond })
	g := startGateway(t, server.Addr, upstream.URL)
	g.get("/a")
	if w := g.get("/a"); !isHit(w) || number(w) != 0 {
		t.Fatalf("before: %q %q", w.Body, status(w))
	}
	g.signal(syscall.SIGSTOP)
	written := number(put(p.writes, "/a"))
	if p.events.of(rediscache.EventUnacknowledged) != 1 {
		t.Errorf("a process that is stopped has purged: %s", p.events)
	}
	responses := make(chan *httptest.ResponseRecorder)
	for range 8 {
		go func() { responses <- g.get("/a") }()
	}
	wait := time.NewTimer(2 * bound)
	<-wait.C
	g.signal(syscall.SIGCONT)
	for range 8 {
		if w := <-responses; number(w) != written {
			t.Errorf("woken up it responds %q, want %d: %q", w.Body, written, status(w))
		}
	}
	redistest.Eventually(t, func() bool { return isHit(g.get("/a")) })
	if d := p.store.PurgeEverywhere(t.Context(), "value:/a"); d.Processes != 2 {
		t.Errorf("%+v", d)
	}
}
