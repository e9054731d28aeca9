package main

import (
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/venta-hq/venta/bench/internal/backend"
	"github.com/venta-hq/venta/bench/internal/subject"
	"github.com/venta-hq/venta/gateway/auth/devkeys"
)

// BenchmarkLoopback is one request over the network: through net/http's server
// and, but for a hit, to a gRPC server. All are in this process, the client, too,
// so that allocations and CPU-us/op are theirs together. The latter is user and
// system time, which other processes of a machine disturb less than ns/op.
func BenchmarkLoopback(b *testing.B) {
	for _, mode := range []subject.Mode{subject.Bare, subject.Venta, subject.Policies, subject.Cached, subject.Plain} {
		b.Run("gateway="+string(mode), func(b *testing.B) {
			address, token := serveLoopback(b, mode)
			request := []byte("GET " + onePath + " HTTP/1.1\r\nHost: venta\r\nAuthorization: Bearer " + token + "\r\n\r\n")
			b.SetParallelism(8) // connections for each core
			b.ReportAllocs()
			b.ResetTimer()
			before := cpuTime(b)
			b.RunParallel(func(p *testing.PB) { callLoopback(b, p, address, request) })
			b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(b.N), "CPU-us/op")
		})
	}
}

// serveLoopback serves a subject and its backend until the benchmark ends.
func serveLoopback(b *testing.B, mode subject.Mode) (address, token string) {
	folder := b.TempDir()
	token, err := sign(folder)
	if err != nil {
		b.Fatal(err)
	}
	keys, err := devkeys.Open(folder)
	if err != nil {
		b.Fatal(err)
	}
	upstream, web := listen(b), listen(b)
	conn, err := subject.Dial(mode, upstream.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() }) // the process ends with it
	handler, err := subject.NewHandler(subject.Options{Mode: mode, Conn: conn, Keys: keys})
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = backend.Serve(b.Context(), upstream) }()     // ends with the benchmark
	go func() { _ = subject.Serve(b.Context(), web, handler) }() // too
	warm := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+web.Addr().String()+onePath, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if response, err := warm.Do(r); err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusOK {
		b.Fatalf("response %v, error %v", response, err)
	}
	return web.Addr().String(), token
}

func listen(b *testing.B) net.Listener {
	listener, err := net.Listen("tcp", anyPort)
	if err != nil {
		b.Fatal(err)
	}
	return listener
}

// callLoopback sends requests on a connection of its own. It does not read what
// the responses hold: they come in one piece, and a client would cost as much as
// the server.
func callLoopback(b *testing.B, p *testing.PB, address string, request []byte) {
	const ok = "HTTP/1.1 200"
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Error(err)
		return
	}
	defer func() { _ = conn.Close() }() // it was only read
	received := make([]byte, 8<<10)
	for p.Next() {
		if _, err := conn.Write(request); err != nil {
			b.Error(err)
			return
		}
		if n, err := conn.Read(received); err != nil || n < len(ok) || string(received[:len(ok)]) != ok {
			b.Errorf("received %q, error %v", received[:n], err)
			return
		}
	}
}

func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
