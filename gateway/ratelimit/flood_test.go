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

func floodLimiter(t testing.TB, maxBytes int64) *Limiter {
	t.Helper()
	m, err := NewMemory(maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return floodLimiterIn(t, m)
}

func floodLimiterIn(t testing.TB, m *Memory) *Limiter {
	t.Helper()
	l, err := New([]policy.RateLimit{{
		Name: "x", Requests: 10, Burst: 10, Interval: time.Hour,
		Key: policy.RateLimitKey{Source: policy.KeyHeader, Header: "X-Key"}, Cost: policy.RateLimitCost{Units: 1},
	}}, Options{
		Memory: m, OnError: func(http.ResponseWriter, *http.Request, error) {},
		Key: func(*http.Request, policy.RateLimitKey) (string, error) { return "", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// floodKeys decides under n keys, counted from first, and counts what is admitted.
func floodKeys(l *Limiter, now time.Time, first, n int) (admitted int) {
	var buffer [20]byte
	charges, decisions := make([]Charge, 1), make([]Decision, 1)
	for i := range n {
		charges[0].Key = string(strconv.AppendInt(buffer[:0], int64(first+i), 10))
		if l.Decide(context.Background(), now, charges, decisions) {
			admitted++
		}
	}
	return admitted
}

func heapInUse() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestCountedBytesAreTheHeaps holds that what is counted is what the heap holds,
// within a tenth, before, while and after it is full.
func TestCountedBytesAreTheHeaps(t *testing.T) {
	const limit = 8 << 20
	before := heapInUse()
	l := floodLimiter(t, limit)
	now := time.Now()
	for _, keys := range []int{20_000, 100_000, 1_000_000} {
		floodKeys(l, now, 0, keys)
		used, counted := heapInUse()-before, l.opts.Memory.Stats().Bytes
		remembered := int64(l.limits[0].tiers[0].local.keys())
		t.Logf("after %d keys %d are remembered: %d bytes are counted, %d used, %d a key", keys, remembered, counted, used, used/remembered)
		if counted > limit || used > counted*11/10 || used < counted*9/10 {
			t.Errorf("%d bytes are counted and %d used", counted, used)
		}
		if per := counted / remembered; per < 38 || per > 86 {
			t.Errorf("%d bytes a key", per)
		}
	}
	l.limits[0].tiers[0].local.sweep(24 * time.Hour)
	if used := heapInUse() - before; used > limit/16 {
		t.Errorf("%d bytes are used for nothing", used)
	}
	runtime.KeepAlive(l)
}

// TestIdleLimitsTakeNothing but what they are described by.
func TestIdleLimitsTakeNothing(t *testing.T) {
	const limits = 1000
	before := heapInUse()
	m, err := NewMemory(0)
	if err != nil {
		t.Fatal(err)
	}
	var all []*Limiter
	for range limits {
		all = append(all, floodLimiterIn(t, m))
	}
	if used := (heapInUse() - before) / limits; used > 3<<10 || m.Stats().Bytes != 0 {
		t.Errorf("%d bytes a limit, %+v", used, m.Stats())
	}
	runtime.KeepAlive(all)
}

// TestDroppedLimitsGiveTheirMemoryBack holds that a memory keeps no limit alive.
func TestDroppedLimitsGiveTheirMemoryBack(t *testing.T) {
	m, err := NewMemory(0)
	if err != nil {
		t.Fatal(err)
	}
	floodKeys(floodLimiterIn(t, m), time.Now(), 0, 10_000)
	// Cleanups have a goroutine of the runtime's own, which a busy machine runs late.
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		if runtime.GC(); m.Stats().Bytes == 0 {
			return
		}
	}
	t.Errorf("%+v", m.Stats())
}

// BenchmarkFlood reports the two phases of a flood of five million keys: while the
// memory fills, and once each new key displaces another.
func BenchmarkFlood(b *testing.B) {
	const keys = 5_000_000
	for b.Loop() {
		before := heapInUse()
		l := floodLimiter(b, 0)
		now := time.Now()
		counts := l.limits[0].tiers[0].local
		begun, filled := time.Now(), 0
		for l.opts.Memory.displaced.Load() == 0 {
			floodKeys(l, now, filled, 10_000)
			filled += 10_000
		}
		filling := time.Since(begun) / time.Duration(filled)
		begun = time.Now()
		floodKeys(l, now, filled, keys-filled)
		full := time.Since(begun) / time.Duration(keys-filled)
		used := heapInUse() - before
		b.ReportMetric(float64(filling), "ns/filling")
		b.ReportMetric(float64(full), "ns/full")
		b.ReportMetric(float64(used), "B")
		b.ReportMetric(float64(used)/float64(counts.keys()), "B/key")
		b.ReportMetric(float64(counts.keys()), "keys")
		runtime.KeepAlive(l)
	}
}
