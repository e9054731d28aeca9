package ratelimit

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/venta-hq/venta/gateway/policy"
)

// bytesPerKey is what the package promises, the key itself apart.
const bytesPerKey = 150

func floodLimiter(t testing.TB, maxKeys int) *Limiter {
	t.Helper()
	l, err := New([]policy.RateLimit{{
		Name: "x", Requests: 10, Burst: 10, Interval: time.Minute,
		Key: policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Key"}, Cost: policy.RateLimitCost{Units: 1},
	}}, Options{
		MaxKeys: maxKeys, OnError: func(http.ResponseWriter, *http.Request, error) {},
		Key: func(*http.Request, policy.RateLimitKey) (string, error) { return "", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// flood decides under n keys, counted from first.
func flood(l *Limiter, now time.Time, first, n int) {
	var buffer [20]byte
	charges, decisions := make([]Charge, 1), make([]Decision, 1)
	for i := range n {
		charges[0].Key = string(strconv.AppendInt(buffer[:0], int64(first+i), 10))
		l.Decide(context.Background(), now, charges, decisions)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func TestFloodStaysWithinItsMemory(t *testing.T) {
	const maxKeys = 1 << 15
	before := heapInUse()
	l := floodLimiter(t, maxKeys)
	now := time.Now()
	for round := range 20 {
		flood(l, now, round*maxKeys, maxKeys)
		if got := l.limits[0].tiers[0].local.keys(); got > maxKeys || got < maxKeys*8/10 {
			t.Fatalf("round %d: %d keys, want at most and about %d", round, got, maxKeys)
		}
	}
	used := float64(heapInUse()-before) / maxKeys
	t.Logf("%.0f bytes a key", used)
	if most := bytesPerKey + 8.0; used > most { // keys of up to 8 bytes
		t.Errorf("%.0f bytes a key, want at most %.0f", used, most)
	}
	runtime.KeepAlive(l)
}

// BenchmarkFlood reports the two phases of a flood of ten million keys: while the
// table fills, and once each new key displaces another. The second must not be
// slower than the first by more than a fifth.
func BenchmarkFlood(b *testing.B) {
	const keys, maxKeys = 10_000_000, 1 << 20
	for b.Loop() {
		before := heapInUse()
		l := floodLimiter(b, maxKeys)
		now := time.Now()
		begun := time.Now()
		flood(l, now, 0, maxKeys*8/10)
		filling := time.Since(begun) / (maxKeys * 8 / 10)
		flood(l, now, maxKeys*8/10, maxKeys*2/10)
		begun = time.Now()
		flood(l, now, maxKeys, keys-maxKeys)
		full := time.Since(begun) / (keys - maxKeys)
		b.ReportMetric(float64(filling), "ns/filling")
		b.ReportMetric(float64(full), "ns/full")
		b.ReportMetric(float64(heapInUse()-before)/maxKeys, "B/key")
		b.ReportMetric(float64(l.limits[0].tiers[0].local.keys()), "keys")
		runtime.KeepAlive(l)
	}
}
