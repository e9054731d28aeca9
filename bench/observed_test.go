package main

import (
	"net"
	"testing"
	"time"

	"github.com/venta-hq/venta/bench/internal/subject"
)

// BenchmarkObserved is what metrics, the access log and traces of one request in a
// hundred cost a request, beside a gateway without any of them in the same run: the
// two take turns, a few requests each, so that whatever else the machine does meets
// both. All is in one process, the client and the backend, too; what they cost is the
// same for both and cancels out of the difference.
//
//	CPU-us/none      of a request that nobody observes
//	CPU-us/observed  of one that is observed
//	CPU-us/more      the difference; the target is at most 10
func BenchmarkObserved(b *testing.B) {
	const turn = 200 // requests
	none, observed := connect(b, subject.Venta), connect(b, subject.Observed)
	var noneUsed, observedUsed time.Duration
	b.ResetTimer()
	for left := b.N; left > 0; left -= turn {
		noneUsed += none.take(b, min(left, turn))
		observedUsed += observed.take(b, min(left, turn))
	}
	each := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(b.N) }
	b.ReportMetric(each(noneUsed), "CPU-us/none")
	b.ReportMetric(each(observedUsed), "CPU-us/observed")
	b.ReportMetric(each(observedUsed-noneUsed), "CPU-us/more")
	b.ReportMetric(float64(observedUsed)/float64(noneUsed), "x")
}

// connected is a client's connection to a subject.
type connected struct {
	net.Conn
	request, response []byte
}

func connect(b *testing.B, mode subject.Mode) connected {
	address, _ := serveLoopback(b, mode)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return connected{conn, []byte("GET " + onePath + " HTTP/1.1\r\nHost: venta\r\n\r\n"), make([]byte, 8<<10)}
}

// take sends n requests and returns the CPU time that they took.
func (c connected) take(b *testing.B, n int) time.Duration {
	before := cpuTime(b)
	for range n {
		if _, err := c.Write(c.request); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(c.response); err != nil {
			b.Fatal(err)
		}
	}
	return cpuTime(b) - before
}
