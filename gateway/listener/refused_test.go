package listener_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/venta-hq/venta/gateway/listener"
)

// dialHTTP1 connects by HTTP/1.1, with TLS where secure.
func dialHTTP1(t *testing.T, address string, secure bool) net.Conn {
	t.Helper()
	if !secure {
		return dial(t, address)
	}
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// unread are the counts of what no handler has seen.
func unread(s listener.Stats) listener.Stats {
	return listener.Stats{Malformed: s.Malformed, TooLarge: s.TooLarge, TimedOut: s.TimedOut, Handshakes: s.Handshakes, HTTP2Errors: s.HTTP2Errors}
}

const good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// TestWhatTheServerRefusesIsCounted, whether or not a request of the connection was
// right before, and nothing else is.
func TestWhatTheServerRefusesIsCounted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		send, status string
		leave        bool
		want         listener.Stats
	}{
		"malformed":             {send: "GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n", status: "400", want: listener.Stats{Malformed: 1}},
		"no HTTP":               {send: "\x16\x03\x01 what is this\r\n\r\n", status: "400", want: listener.Stats{Malformed: 1}},
		"another version":       {send: "GET / HTTP/3.0\r\nHost: a\r\n\r\n", status: "505", want: listener.Stats{Malformed: 1}},
		"unknown encoding":      {send: "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zip\r\n\r\n", status: "501", want: listener.Stats{Malformed: 1}},
		"unknown expectation":   {send: "GET / HTTP/1.1\r\nHost: a\r\nExpect: gold\r\n\r\n", status: "417", want: listener.Stats{Malformed: 1}},
		"a large header":        {send: "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 16<<10), status: "431", want: listener.Stats{TooLarge: 1}},
		"half a header":         {send: "GET / HTTP/1.1\r\nHost: a\r\nX:", want: listener.Stats{TimedOut: 1}},
		"a client that leaves":  {send: "GET / HTTP/1.1\r\nHost: a\r\nX:", leave: true, want: listener.Stats{Malformed: 1}},
		"a client without more": {leave: true},
		"right":                 {send: "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", status: "200"},
		"of the server itself":  {send: "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", status: "200"},
	} {
		for _, secure := range []bool{false, true} {
			for before := range 2 {
				t.Run(fmt.Sprintf("%s/tls=%t/after %d", name, secure, before), func(t *testing.T) {
					t.Parallel()
					idle := make(chan struct{}, 1)
					guard, address := serveTold(t, listener.Options{}, secure, small, func(_ net.Conn, state http.ConnState) {
						if state == http.StateIdle {
							idle <- struct{}{}
						}
					})
					conn := dialHTTP1(t, address, secure)
					for range before {
						_, _ = io.WriteString(conn, good)
						readResponse(t, conn, "200")
						<-idle
					}
					_, _ = io.WriteString(conn, test.send)
					switch {
					case test.leave:
						_ = conn.Close()
					case test.status != "":
						readResponse(t, conn, test.status)
					}
					eventually(t, "the connection ends", func() bool {
						return guard.Stats().Connections == 0 && unread(guard.Stats()) == test.want
					})
				})
			}
		}
	}
}

func small(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

// readResponse reads what is there of a response.
func readResponse(t *testing.T, conn net.Conn, status string) {
	t.Helper()
	piece := make([]byte, 4<<10)
	n, err := conn.Read(piece)
	if !strings.HasPrefix(string(piece[:n]), "HTTP/1.1 "+status) {
		t.Errorf("%q, %v, want %s", piece[:n], err, status)
	}
}

func TestHandshakesThatFailAreCounted(t *testing.T) {
	guard, address := serve(t, listener.Options{}, true, small)
	conn := dial(t, address)
	_, _ = io.WriteString(conn, good)
	piece, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(piece), "HTTP/1.0 400") {
		t.Errorf("%q", piece)
	}
	_ = dial(t, address).Close() // a balancer's probe
	eventually(t, "one is counted", func() bool {
		return guard.Stats().Connections == 0 && unread(guard.Stats()) == listener.Stats{Handshakes: 1}
	})
}

func TestErrorsOfHTTP2AreCounted(t *testing.T) {
	guard, address := serve(t, listener.Options{}, true, small)
	conn, framer := http2Client(t, address)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	request(t, framer, 1, true)
	if err := framer.WriteRawFrame(http2.FrameData, 0, 0, []byte("of no stream")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one is counted", func() bool { return unread(guard.Stats()) == listener.Stats{HTTP2Errors: 1} })
	_ = conn.Close()
	eventually(t, "it ends", func() bool { return guard.Stats().Connections == 0 })
	if got := unread(guard.Stats()); got != (listener.Stats{HTTP2Errors: 1}) {
		t.Errorf("%+v", got)
	}
}
