package faultproxy_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/venta-hq/venta/chaos/internal/faultproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newProxy returns a proxy in front of a server that echoes.
func newProxy(t *testing.T) *faultproxy.Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { serveEcho(listener, &running) })
	p, err := faultproxy.New("127.0.0.1:0", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		listener.Close()
		running.Wait()
	})
	return p
}

func serveEcho(listener net.Listener, running *sync.WaitGroup) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		running.Go(func() {
			defer conn.Close()
			_, _ = io.Copy(conn, conn)
		})
	}
}

func dial(t *testing.T, p *faultproxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// echo sends text and waits for it to come back.
func echo(conn net.Conn, text string) error {
	if _, err := conn.Write([]byte(text)); err != nil {
		return err
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != text {
		return errors.New("it came back as " + string(got))
	}
	return nil
}

func mustEcho(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := echo(conn, "hello"); err != nil {
		t.Fatal(err)
	}
}

func TestReset(t *testing.T) {
	p := newProxy(t)
	conn := dial(t, p)
	mustEcho(t, conn)
	p.Reset()
	if err := echo(conn, "again"); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("after a reset: %v", err)
	}
	mustEcho(t, dial(t, p))
}

func TestDisconnect(t *testing.T) {
	p := newProxy(t)
	conn := dial(t, p)
	mustEcho(t, conn)
	p.Disconnect()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
	mustEcho(t, dial(t, p))
}

func TestRefuse(t *testing.T) {
	p := newProxy(t)
	conn := dial(t, p)
	mustEcho(t, conn)
	address := p.Address()
	p.Refuse()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("an established connection: %v", err)
	}
	if late, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection: %v, %v", late, err)
	}
	if err := errors.Join(p.Accept(), p.Accept()); err != nil || p.Address() != address {
		t.Fatalf("at %s, then %s: %v", address, p.Address(), err)
	}
	mustEcho(t, dial(t, p))
}

func TestHalfOpen(t *testing.T) {
	p := newProxy(t)
	old := dial(t, p)
	mustEcho(t, old)
	p.HalfOpen()
	if _, err := old.Write([]byte("lost")); err != nil {
		t.Fatal(err)
	}
	mustEcho(t, dial(t, p)) // meanwhile a new connection works
	if err := old.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := old.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("the old connection: %v", err)
	}
}

func TestBlackHole(t *testing.T) {
	p := newProxy(t)
	old := dial(t, p)
	mustEcho(t, old)
	p.Set(faultproxy.Fault{BlackHole: true})
	young := dial(t, p) // it accepts
	for _, conn := range []net.Conn{old, young} {
		if _, err := conn.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
	}
	p.Set(faultproxy.Fault{})
	for _, conn := range []net.Conn{old, young} {
		if _, err := io.ReadFull(conn, make([]byte, 4)); err != nil {
			t.Error(err)
		}
	}
}

// TestADeadTarget holds that a connection to a target that is down ends.
func TestADeadTarget(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	p, err := faultproxy.New("127.0.0.1:0", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	conn, err := net.Dial("tcp", p.Address()) // or it ends that early
	if err != nil {
		return
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("it is open")
	}
}

func TestCloseEndsEverything(t *testing.T) {
	p := newProxy(t)
	held := dial(t, p)
	mustEcho(t, held)
	p.HalfOpen()
	p.Set(faultproxy.Fault{BlackHole: true})
	dial(t, p)
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	if n := p.Links(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if err := p.Accept(); err != nil {
		t.Error(err)
	}
	if late, err := net.Dial("tcp", p.Address()); err == nil {
		late.Close()
		t.Error("it accepts after its end")
	}
}
