package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/venta-hq/venta/chaos/internal/stage"
)

// patience is how long a gateway may hold what a client does not take: longer than
// the attacked one's bounds, of which the least rate gives a part of a response 16 s.
const patience = 45 * time.Second

// silence is how long clients take nothing of a response. What then is not all there
// was cut off.
const silence = 25 * time.Second

// largePath is where a response is that does not fit into the buffers on the way;
// halfAnswer is what a client must not have got all of.
const (
	largePath  = "/v2/vendors/" + unread + "1"
	halfAnswer = unreadBytes
)

// ended is what must come of connections that hold without taking.
const ended = "all are ended, and others are served"

// hasty ends slow clients soon, and leaves the upstream the time for large responses.
const hasty = plain + `
  - {methods: "venta.vendor.v2.VendorService/GetVendor", policy: {timeout: {duration: 30s}}}
limits: {max_response_bytes: 67108864}
http_listener: {read_header_timeout: 1s, write_stall_timeout: 1s}
`

// encrypted is hasty over TLS, where HTTP/2 is spoken.
const encrypted = plain + `
  - {methods: "venta.vendor.v2.VendorService/GetVendor", policy: {timeout: {duration: 30s}}}
limits: {max_response_bytes: 67108864}
http_listener: {read_header_timeout: 1s, write_stall_timeout: 1s, tls: ` + tlsBlock + `}
`

// holding are the attacks on what is everybody's: memory, connections, time.
func holding() []Attack {
	return []Attack{
		{
			Part: "held", Name: "95 large responses that nobody reads", Expected: ended, config: hasty,
			run: func(ctx context.Context, t *target) (string, error) { return t.unread(ctx, 95) },
		},
		{
			Part: "held", Name: "an HTTP/2 connection with a closed window and 250 streams", Expected: ended, config: encrypted,
			run: func(ctx context.Context, t *target) (string, error) { return t.closedWindow(ctx, 250) },
		},
		{
			Part: "held", Name: "half a header block (HTTP/1.1)", Expected: ended, Short: true, config: hasty,
			run: func(ctx context.Context, t *target) (string, error) {
				return t.halves(ctx, func(conn net.Conn) error {
					_, err := io.WriteString(conn, "GET /v2/vendors/1 HTTP/1.1\r\nHost: a\r\nX-Half: ")
					return err
				})
			},
		},
		{
			Part: "held", Name: "half a header block (HTTP/2)", Expected: ended, Short: true, config: encrypted,
			run: func(ctx context.Context, t *target) (string, error) { return t.halves(ctx, halfBlock) },
		},
		{
			Part: "held", Name: "2,000 requests for what is not there", Expected: "they are limited, and log fewer than 100 lines", Short: true,
			config: strings.Replace(plain, "LEVEL_ERROR", "LEVEL_INFO", 1),
			run:    func(ctx context.Context, t *target) (string, error) { return t.nowhere(ctx, 2000) },
		},
		{
			Part: "held", Name: "a purge by a page that has rebound its name to the admin address", Expected: "421", Short: true,
			run: func(ctx context.Context, t *target) (string, error) { return t.rebind(ctx) },
		},
	}
}

// unread asks for large responses and reads no more than how each begins.
func (t *target) unread(ctx context.Context, n int) (string, error) {
	var conns []net.Conn
	defer func() { closeAll(conns) }()
	for range n {
		conn, err := t.dial(ctx)
		if err != nil {
			return "", err
		}
		conns = append(conns, conn)
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: %s\r\n\r\n", largePath, t.Header().Get("Authorization"))
	}
	begun := 0
	for _, conn := range conns {
		if err := conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return "", err
		}
		const success = "HTTP/1.1 200"
		line := make([]byte, len(success))
		if _, err := io.ReadFull(conn, line); err == nil && string(line) == success {
			begun++
		}
	}
	if begun < n/4 { // the others made room
		return fmt.Sprintf("only %d responses began", begun), nil
	}
	if err := stage.Sleep(ctx, silence); err != nil {
		return "", err
	}
	return t.allEnd(ctx, conns, func(conn net.Conn) bool { return drained(conn) < halfAnswer })
}

// closedWindow opens streams whose responses the client's window never admits.
func (t *target) closedWindow(ctx context.Context, n int) (string, error) {
	conn, err := t.dial(ctx)
	if err != nil {
		return "", err
	}
	defer closeAll([]net.Conn{conn})
	framer, err := preface(conn, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	if err != nil {
		return "", err
	}
	for i := range n {
		block := headerBlock(largePath, t.Header().Get("Authorization"))
		_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*i + 1), BlockFragment: block, EndHeaders: true, EndStream: true})
	}
	return t.allEnd(ctx, []net.Conn{conn}, func(net.Conn) bool { return streamsEnd(framer, n) })
}

// halves opens connections that begin a request and do not go on.
func (t *target) halves(ctx context.Context, begin func(net.Conn) error) (string, error) {
	var conns []net.Conn
	defer func() { closeAll(conns) }()
	for range 20 {
		conn, err := t.dial(ctx)
		if err != nil {
			return "", err
		}
		conns = append(conns, conn)
		if err := begin(conn); err != nil {
			return "", err
		}
	}
	return t.allEnd(ctx, conns, func(conn net.Conn) bool { return drained(conn) < halfAnswer })
}

// halfBlock begins a header block of HTTP/2 and does not end it.
func halfBlock(conn net.Conn) error {
	framer, err := preface(conn)
	if err != nil {
		return err
	}
	return framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headerBlock("/", "none")})
}

// allEnd waits until the gateway has ended connections, which it has where their
// end is reached and was says so, and tells whether it serves others.
func (t *target) allEnd(ctx context.Context, conns []net.Conn, was func(net.Conn) bool) (string, error) {
	end := time.Now().Add(patience)
	open := 0
	for _, conn := range conns {
		if err := conn.SetReadDeadline(end); err != nil {
			return "", err
		}
		if !was(conn) {
			open++
		}
	}
	if open > 0 {
		return fmt.Sprintf("%d of %d are held for %s", open, len(conns), patience), nil
	}
	a, err := t.get(ctx, "/v2/vendors/other")
	if err != nil || a.status != http.StatusOK {
		return a.said(), err
	}
	return ended, nil
}

func (t *target) dial(ctx context.Context) (net.Conn, error) {
	scheme, address, _ := strings.Cut(t.gateway.Base(), "://")
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil || scheme == "http" {
		return conn, err
	}
	trust := t.trust.Clone()
	trust.ServerName, trust.NextProtos = "127.0.0.1", []string{"h2"}
	secure := tls.Client(conn, trust)
	return secure, secure.HandshakeContext(ctx)
}

func closeAll(conns []net.Conn) {
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// drained reads to a connection's end and returns how much there was, or what an
// response has at least where the end does not come.
func drained(conn net.Conn) int64 {
	n, err := io.Copy(io.Discard, conn)
	if timedOut(err) {
		return halfAnswer
	}
	return n
}

func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// preface begins a connection of HTTP/2.
func preface(conn net.Conn, settings ...http2.Setting) (*http2.Framer, error) {
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return nil, err
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(settings...); err != nil {
		return nil, err
	}
	frame, err := framer.ReadFrame()
	if _, ok := frame.(*http2.SettingsFrame); err == nil && !ok {
		err = fmt.Errorf("the gateway begins with %v", frame)
	}
	return framer, err
}

func headerBlock(path, authorization string) []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{
		{Name: ":method", Value: http.MethodGet}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "a"},
		{Name: ":path", Value: path}, {Name: "authorization", Value: authorization},
	} {
		_ = encoder.WriteField(field) // to a buffer
	}
	return block.Bytes()
}

// streamsEnd reads frames until the connection or n streams have ended.
func streamsEnd(framer *http2.Framer, n int) bool {
	for reset := 0; reset < n; {
		frame, err := framer.ReadFrame()
		if timedOut(err) {
			return false
		}
		if err != nil {
			return true
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			reset++
		case *http2.PingFrame: // the client is alive
			if !frame.IsAck() && framer.WritePing(true, frame.Data) != nil {
				return true
			}
		}
	}
	return true
}

// nowhere asks for n paths that there are not.
func (t *target) nowhere(ctx context.Context, n int) (string, error) {
	limited := "they are not limited"
	for i := range n {
		a, err := t.get(ctx, fmt.Sprintf("/nowhere/%d", i))
		if err != nil {
			return "", err
		}
		if a.status == http.StatusTooManyRequests {
			limited = "they are limited"
		}
	}
	if err := t.gateway.Stop(); err != nil {
		return "", err
	}
	lines := strings.Count(t.gateway.Log(), "/nowhere/")
	if lines < 100 {
		return limited + ", and log fewer than 100 lines", nil
	}
	return fmt.Sprintf("%s, and log %d lines or more", limited, lines), nil
}

// rebind purges as a page could that has made its name one of the admin address.
func (t *target) rebind(ctx context.Context) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.gateway.Admin()+"/cache/purge", strings.NewReader(`{"all":true}`))
	if err != nil {
		return "", err
	}
	r.Host = evil
	r.Header = http.Header{"Origin": {"http://" + evil}, "Content-Type": {"application/json"}}
	response, err := t.client.Do(r)
	if err != nil {
		return "", err
	}
	return strconv.Itoa(response.StatusCode), response.Body.Close()
}
