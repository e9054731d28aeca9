package faultproxy

import (
	"bytes"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// linked is a link between two ends, in virtual time.
type linked struct {
	link           *link
	fault          atomic.Pointer[Fault]
	client, target net.Conn
	done           chan struct{}
}

// start runs in a bubble of virtual time.
func start(f Fault) *linked {
	l := &linked{done: make(chan struct{})}
	l.fault.Store(&f)
	inner, client := net.Pipe()
	server, target := net.Pipe()
	l.client, l.target = client, target
	l.link = &link{fault: &l.fault, client: inner, ended: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.link.join(server)
	}()
	return l
}

// end closes both ends and waits for the link.
func (l *linked) end() {
	l.link.close()
	l.client.Close()
	l.target.Close()
	<-l.done
}

// arrives sends text from the target and returns how long the client had to
// wait for all of it.
func (l *linked) arrives(t *testing.T, text string) time.Duration {
	t.Helper()
	began := time.Now()
	go func() { _, _ = l.target.Write([]byte(text)) }()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(l.client, got); err != nil || string(got) != text {
		t.Fatalf("%q, %v", got, err)
	}
	return time.Since(began)
}

func TestDelays(t *testing.T) {
	tests := []struct {
		name        string
		fault       Fault
		bytes       int
		least, most time.Duration
	}{
		{"nothing", Fault{}, 10, 0, 0},
		{"latency", Fault{Latency: time.Second}, 10, time.Second, time.Second},
		{"jitter", Fault{Latency: time.Second, Jitter: time.Second}, 10, time.Second, 2 * time.Second},
		{"drip", Fault{BytesPerSecond: 100}, 200, 1900 * time.Millisecond, 2 * time.Second},
		{"a byte at a time", Fault{BytesPerSecond: 1}, 3, 2 * time.Second, 3 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := start(test.fault)
				defer l.end()
				took := l.arrives(t, string(bytes.Repeat([]byte("x"), test.bytes)))
				if took < test.least || took > test.most {
					t.Errorf("%s, want %s to %s", took, test.least, test.most)
				}
			})
		})
	}
}

// TestLatencyIsNoBandwidth holds that chunks are late together, not one after
// the other.
func TestLatencyIsNoBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(Fault{Latency: time.Second})
		defer l.end()
		if took := l.arrives(t, string(make([]byte, 5*chunkBytes))); took != time.Second {
			t.Errorf("%s", took)
		}
	})
}

func TestTheDirectionToTheTargetIsNotDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(Fault{Latency: time.Second, BytesPerSecond: 1})
		defer l.end()
		began := time.Now()
		go func() { _, _ = l.client.Write([]byte("request")) }()
		if _, err := io.ReadFull(l.target, make([]byte, 7)); err != nil || time.Since(began) != 0 {
			t.Errorf("%s, %v", time.Since(began), err)
		}
	})
}

func TestABlackHoleKeepsWhatItSwallowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(Fault{BlackHole: true})
		defer l.end()
		time.AfterFunc(time.Minute, func() { l.fault.Store(&Fault{}) })
		if took := l.arrives(t, "late"); took < time.Minute || took > time.Minute+slice {
			t.Errorf("%s", took)
		}
	})
}

func TestForgottenLinksLoseEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(Fault{})
		defer l.end()
		l.arrives(t, "before")
		l.link.forget()
		if _, err := l.target.Write([]byte("lost")); err != nil {
			t.Fatal(err)
		}
		if _, err := l.client.Write([]byte("lost")); err != nil {
			t.Fatal(err)
		}
		l.client.Close() // even the end is lost
		synctest.Wait()
		select {
		case <-l.link.ended:
			t.Error("the other side was told")
		default:
		}
	})
}

func TestALinkEndsWithEitherSide(t *testing.T) {
	for _, side := range []string{"client", "target"} {
		t.Run(side, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := start(Fault{Latency: time.Second})
				here, there := l.client, l.target
				if side == "target" {
					here, there = there, here
				}
				here.Close()
				if _, err := there.Read(make([]byte, 1)); err == nil {
					t.Error("the other side is still open")
				}
				l.end()
			})
		})
	}
}
