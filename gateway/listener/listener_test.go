package listener_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/venta-hq/venta/gateway/internal/responsewriter"
	"github.com/venta-hq/venta/gateway/listener"
)

// waitLimit bounds every wait; nothing waits that long unless it fails.
const waitLimit = 30 * time.Second

// size is more than the buffers of sockets take.
const size = 16 << 20

// serve serves a handler within bounds, by TLS where secure.
func serve(t *testing.T, o listener.Options, secure bool, handler http.HandlerFunc) (*listener.Guard, string) {
	t.Helper()
	return serveTold(t, o, secure, handler, nil)
}

// serveTold is serve by a server with a hook.
func serveTold(t *testing.T, o listener.Options, secure bool, handler http.HandlerFunc, told func(net.Conn, http.ConnState)) (*listener.Guard, string) {
	t.Helper()
	guard, err := listener.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Config.ReadHeaderTimeout = time.Second
	server.Config.MaxHeaderBytes = 4 << 10
	server.Config.ConnState = told
	guard.Protect(server.Config)
	server.Listener = guard.Listen(server.Listener)
	if secure {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return guard, server.Listener.Addr().String()
}

// eventually waits for a state that real connections come to.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(waitLimit)
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("not within the limit: " + what)
		}
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func ask(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

var body = make([]byte, size)

func large(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }

func TestUnreadResponsesEnd(t *testing.T) {
	guard, address := serve(t, listener.Options{StallTimeout: time.Second, MinRate: 1 << 20, MaxUnsentBytes: 1 << 40}, false, large)
	var conns []net.Conn
	for range 95 {
		conns = append(conns, dial(t, address))
		ask(t, conns[len(conns)-1])
	}
	eventually(t, "95 unread responses are cut off", func() bool { return guard.Stats().CutSlow == 95 })
	eventually(t, "nothing is held", func() bool { s := guard.Stats(); return s.UnsentBytes == 0 && s.Connections == 0 })
	for _, conn := range conns { // the kernel holds nothing for them either
		_ = conn.SetReadDeadline(time.Now().Add(waitLimit))
		if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the connection ends with %v, want a reset", err)
		}
	}
}

// A window that never opens holds what HTTP/1.1 holds by not reading.
func TestAClosedWindowEnds(t *testing.T) {
	const streams = 100
	guard, address := serve(t, listener.Options{StallTimeout: time.Second, MinRate: 1 << 20, MaxUnsentBytes: 1 << 40, HTTP2: listener.HTTP2{MaxConcurrentStreams: streams}}, true, large)
	conn, framer := http2Client(t, address)
	if err := framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}); err != nil {
		t.Fatal(err)
	}
	for i := range uint32(250) {
		request(t, framer, 2*i+1, true)
	}
	resets := 0
	for resets < 250 { // some as too many at a time, the others as too slow
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("after %d resets: %v", resets, err)
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			resets++
		case *http2.PingFrame:
			if !frame.IsAck() {
				_ = framer.WritePing(true, frame.Data)
			}
		case *http2.GoAwayFrame:
			t.Fatalf("%v", frame)
		}
	}
	eventually(t, "nothing is held", func() bool { return guard.Stats().UnsentBytes == 0 })
	if s := guard.Stats(); s.CutSlow == 0 || s.CutSlow > 250 || s.CutUnsent != 0 {
		t.Errorf("%+v", s)
	}
	_ = conn.Close()
}

func http2Client(t *testing.T, address string) (net.Conn, *http2.Framer) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * waitLimit)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	return conn, http2.NewFramer(conn, conn)
}

func request(t *testing.T, framer *http2.Framer, id uint32, whole bool) {
	t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}} {
		_ = encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
	}
	err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: whole})
	if err != nil {
		t.Fatal(err)
	}
}

// Of responses that wait, those that have stood still for the longest time make
// room for others.
func TestUnsentBytesAreBounded(t *testing.T) {
	guard, address := serve(t, listener.Options{MaxUnsentBytes: 5 * size}, false, large)
	for range 20 {
		ask(t, dial(t, address))
	}
	eventually(t, "15 are cut off", func() bool { return guard.Stats().CutUnsent == 15 })
	if s := guard.Stats(); s.UnsentBytes > 5*size {
		t.Errorf("%+v", s)
	}
	conn := dial(t, address)
	ask(t, conn)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil {
		t.Errorf("one who reads gets %d, %v", n, err)
	}
}

// A client that is slow, and not slower than the rate, gets all of it; so does one
// that asks again on its connection after the time that a response had.
func TestSlowReadersAreNotCut(t *testing.T) {
	const stall = time.Second
	guard, address := serve(t, listener.Options{StallTimeout: stall, MinRate: 64 << 10}, false, large)
	conn := dial(t, address)
	_ = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	reader := bufio.NewReader(conn)
	for range 2 {
		ask(t, conn)
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(5 * time.Millisecond)
		total, piece := 0, make([]byte, 64<<10)
		for {
			<-tick.C // some 10 MB a second at the most
			n, err := response.Body.Read(piece)
			total += n
			if err != nil {
				break
			}
		}
		tick.Stop()
		if total != size {
			t.Fatalf("%d of %d", total, size)
		}
	}
	if s := guard.Stats(); s.CutSlow+s.CutUnsent != 0 {
		t.Errorf("%+v", s)
	}
}

// A stream, and a handler with a deadline of its own, are not slow.
func TestStreamsTakeTheirTime(t *testing.T) {
	for name, free := range map[string]func(http.ResponseWriter){
		"a stream":       responsewriter.Unbound,
		"its own choice": func(w http.ResponseWriter) { _ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) },
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 1)
			guard, address := serve(t, listener.Options{StallTimeout: time.Millisecond, MinRate: 1 << 30}, false, func(w http.ResponseWriter, _ *http.Request) {
				free(&responsewriter.Watcher{ResponseWriter: w})
				_, err := w.Write(body)
				ended <- err
			})
			conn := dial(t, address)
			ask(t, conn)
			select {
			case err := <-ended:
				t.Fatalf("it ended unread: %v", err)
			case <-time.After(50 * time.Millisecond): // many times its bounds
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if n, err := io.Copy(io.Discard, response.Body); n != size || err != nil || guard.Stats().CutSlow != 0 {
				t.Errorf("%d %v %+v", n, err, guard.Stats())
			}
		})
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	guard, address := serve(t, listener.Options{MaxConnections: 8, MaxConnectionsPerAddress: 3}, false, func(http.ResponseWriter, *http.Request) {})
	closed := func(conn net.Conn) bool {
		_ = conn.SetReadDeadline(time.Now().Add(waitLimit))
		_, err := conn.Read(make([]byte, 1))
		return err != nil && !strings.Contains(err.Error(), "timeout")
	}
	conns := []net.Conn{dial(t, address), dial(t, address), dial(t, address)}
	if !closed(dial(t, address)) {
		t.Error("a fourth connection of one address is kept")
	}
	_ = conns[0].Close()
	eventually(t, "a connection that ended makes room", func() bool { return guard.Stats().Connections == 2 })
	guard.SetTrustedProxies([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	for range 6 {
		conns = append(conns, dial(t, address))
	}
	if !closed(dial(t, address)) {
		t.Error("a ninth connection is kept, of a proxy")
	}
	if s := guard.Stats(); s.RefusedByAddress != 1 || s.RefusedInAll != 1 || s.Connections != 8 {
		t.Errorf("%+v", s)
	}
	for _, conn := range conns {
		_ = conn.Close()
	}
	eventually(t, "all have ended", func() bool { return guard.Stats().Connections == 0 })
}

func TestOptionsAreChecked(t *testing.T) {
	_, err := listener.New(listener.Options{MaxConnections: -1, HTTP2: listener.HTTP2{MaxFrameBytes: -1}})
	if err == nil || !strings.Contains(err.Error(), "MaxConnections") || !strings.Contains(err.Error(), "HTTP2.MaxFrameBytes") {
		t.Error(err)
	}
}

// Half a header block ends its connection, though it asked for nothing yet.
func TestHalfAHeaderBlockEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes as long as a connection may be silent")
	}
	t.Parallel()
	_, address := serve(t, listener.Options{}, true, large)
	_, framer := http2Client(t, address)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	request(t, framer, 1, false)
	for {
		if _, err := framer.ReadFrame(); err != nil {
			if strings.Contains(fmt.Sprint(err), "timeout") {
				t.Error("the connection is kept")
			}
			return
		}
	}
}
